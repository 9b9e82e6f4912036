-- Write the terms that hold from a local day on; terms that began on the same day are replaced.
--
-- town_id, from_day, minimum_minor, file_format, execution_days, source, set_by, set_at,
-- fee_minor, fee_bps, cooling_days, schedule
--
-- The row count is 1 when anything changed, else 0.
INSERT INTO treasury.terms AS t (
    town_id, from_day, minimum_minor, file_format, execution_days, source, set_by, set_at,
    fee_minor, fee_bps, cooling_days, schedule
)
VALUES (
    %(town_id)s, %(from_day)s, %(minimum_minor)s, %(file_format)s, %(execution_days)s,
    %(source)s, %(set_by)s, %(set_at)s, %(fee_minor)s, %(fee_bps)s, %(cooling_days)s, %(schedule)s
)
ON CONFLICT (town_id, from_day) DO UPDATE
SET minimum_minor = excluded.minimum_minor,
    file_format = excluded.file_format,
    execution_days = excluded.execution_days,
    source = excluded.source,
    fee_minor = excluded.fee_minor,
    fee_bps = excluded.fee_bps,
    cooling_days = excluded.cooling_days,
    schedule = excluded.schedule,
    set_by = excluded.set_by,
    set_at = excluded.set_at
WHERE
    (t.minimum_minor, t.file_format, t.execution_days, t.source, t.fee_minor, t.fee_bps, t.cooling_days, t.schedule)
    IS DISTINCT FROM (
        excluded.minimum_minor, excluded.file_format, excluded.execution_days, excluded.source,
        excluded.fee_minor, excluded.fee_bps, excluded.cooling_days, excluded.schedule
    );
