-- The caps of an activity, oldest first. Locks nothing.
--
-- town_id integer, activity_id uuid
SELECT stream, period, from_day, most_quantity, most_minor, source
FROM coproduction.cap
WHERE town_id = %(town_id)s AND activity_id = %(activity_id)s
ORDER BY period, stream, from_day;
