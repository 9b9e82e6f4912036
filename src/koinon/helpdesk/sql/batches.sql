-- What was printed in one go, the newest first.
--
-- town_id integer, most integer
--
-- Locks nothing.
SELECT l.batch AS id, min(l.printed_at) AS printed_at, min(l.printed_by) AS printed_by, count(*) AS letters
FROM helpdesk.letter AS l
WHERE l.town_id = %(town_id)s AND l.batch IS NOT NULL
GROUP BY l.batch
ORDER BY min(l.printed_at) DESC
LIMIT %(most)s;
