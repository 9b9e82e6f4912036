-- A town's own times for answers.
--
-- town_id integer
--
-- Locks nothing.
SELECT ''::text AS country, t.about, t.from_day, t.number, t.count, t.source
FROM casework.term AS t
WHERE t.town_id = %(town_id)s
ORDER BY t.about, t.from_day;
