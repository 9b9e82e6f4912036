-- The redemption terms that were promised and do not hold yet on a local day, the next ones first.
--
-- town_id  integer
-- day      date
SELECT
    t.from_day, t.minimum_minor, t.file_format, t.execution_days, t.source,
    t.fee_minor, t.fee_bps, t.cooling_days, t.schedule
FROM treasury.terms AS t
WHERE t.town_id = %(town_id)s AND t.from_day > %(day)s
ORDER BY t.from_day;
