-- Say what one person is rewarded for at the most, from a day on. Touches no row where it was said already.
--
-- town_id integer, activity_id uuid, stream text, period text, from_day date, most_quantity bigint or null, most_minor
-- bigint or null, source text, set_by text, set_at timestamptz
INSERT INTO coproduction.cap (
    town_id, activity_id, stream, period, from_day, most_quantity, most_minor, source, set_by, set_at
)
VALUES (
    %(town_id)s, %(activity_id)s, %(stream)s, %(period)s, %(from_day)s, %(most_quantity)s, %(most_minor)s, %(source)s,
    %(set_by)s, %(set_at)s
)
ON CONFLICT (town_id, activity_id, stream, period, from_day) DO UPDATE SET
    most_quantity = excluded.most_quantity, most_minor = excluded.most_minor, source = excluded.source,
    set_by = excluded.set_by, set_at = excluded.set_at
WHERE (cap.most_quantity, cap.most_minor, cap.source)
    IS DISTINCT FROM (excluded.most_quantity, excluded.most_minor, excluded.source);
