-- When the row with an id was posted, by the clock of the database; all rows of a batch were posted at once.
--
-- town_id integer, id uuid
SELECT line.posted_at
FROM payments.groups_of(%(town_id)s::integer, ARRAY[%(id)s::uuid]) AS named
INNER JOIN ledger.journal AS line ON line.town_id = %(town_id)s AND line.seq = named.first_seq + named.leg;
