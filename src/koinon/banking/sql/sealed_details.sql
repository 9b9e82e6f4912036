-- What the bank said of the other side, sealed.
--
-- town_id, entry
SELECT e.sealed FROM banking.entry AS e WHERE e.town_id = %(town_id)s AND e.id = %(entry)s;
