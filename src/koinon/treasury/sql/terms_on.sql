-- The redemption terms in force on a local day.
--
-- town_id  integer
-- day      date
--
-- At most one row: the latest that began on or before the day. No lock.
SELECT
    t.from_day, t.minimum_minor, t.file_format, t.execution_days, t.source,
    t.fee_minor, t.fee_bps, t.cooling_days, t.schedule
FROM treasury.terms AS t
WHERE t.town_id = %(town_id)s AND t.from_day <= %(day)s
ORDER BY t.from_day DESC
LIMIT 1;
