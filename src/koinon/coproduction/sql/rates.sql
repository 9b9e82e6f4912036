-- The rates of an activity, stream by stream, oldest first. Locks nothing.
--
-- town_id integer, activity_id uuid
SELECT stream, from_day, pays_minor, per_quantity, source
FROM coproduction.rate
WHERE town_id = %(town_id)s AND activity_id = %(activity_id)s
ORDER BY stream, from_day;
