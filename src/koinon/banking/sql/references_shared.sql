-- Whether more than one entry of the town carries this bank reference.
--
-- town_id    integer
-- reference  text
SELECT count(*) > 1 AS shared FROM banking.entry AS e
WHERE e.town_id = %(town_id)s AND e.bank_reference = %(reference)s;
