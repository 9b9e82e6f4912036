-- Write the terms that hold from a local day on; terms that began on the same day are replaced.
--
-- town_id, from_day, minimum_minor, file_format, execution_days, source, set_by, set_at
--
-- The row count is 1 when anything changed, else 0.
INSERT INTO treasury.terms AS t (
    town_id, from_day, minimum_minor, file_format, execution_days, source, set_by, set_at
)
VALUES (
    %(town_id)s, %(from_day)s, %(minimum_minor)s, %(file_format)s, %(execution_days)s,
    %(source)s, %(set_by)s, %(set_at)s
)
ON CONFLICT (town_id, from_day) DO UPDATE
SET minimum_minor = excluded.minimum_minor,
    file_format = excluded.file_format,
    execution_days = excluded.execution_days,
    source = excluded.source,
    set_by = excluded.set_by,
    set_at = excluded.set_at
WHERE (t.minimum_minor, t.file_format, t.execution_days, t.source)
    IS DISTINCT FROM (excluded.minimum_minor, excluded.file_format, excluded.execution_days, excluded.source);
