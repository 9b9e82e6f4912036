-- Remember up to which day a business's runs were asked for.
--
-- town_id integer, party uuid, upto date
UPDATE treasury.standing_order
SET upto = %(upto)s
WHERE town_id = %(town_id)s AND party = %(party)s AND upto < %(upto)s;
