-- The letters of a batch, without those to people who were erased since.
--
-- town_id integer, batch uuid
--
-- Locks nothing.
SELECT l.id, l.party, l.first_day, l.last_day
FROM helpdesk.letter AS l
INNER JOIN parties_party AS p ON p.id = l.party AND p.erased_at IS NULL
WHERE l.town_id = %(town_id)s AND l.batch = %(batch)s
ORDER BY l.queued_at, l.id;
