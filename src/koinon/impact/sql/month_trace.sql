-- What was kept of a town's month. Locks nothing.
--
-- town_id integer, month text (2027-03)
SELECT m.convention, m.rows, m.digest, m.traced_at, m.result::text AS result, m.ends::text AS ends
FROM impact.month_trace AS m
WHERE m.town_id = %(town_id)s AND m.month = %(month)s
ORDER BY m.convention;
