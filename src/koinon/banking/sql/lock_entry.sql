-- Lock an entry until the transaction ends; what it is is read by the next statement.
--
-- town_id, entry
SELECT e.id FROM banking.entry AS e WHERE e.town_id = %(town_id)s AND e.id = %(entry)s FOR NO KEY UPDATE;
