-- Say what a stream earns from a day on. Touches no row where it was said already.
--
-- town_id integer, activity_id uuid, stream text, from_day date, pays_minor bigint, per_quantity bigint, source text,
-- set_by text, set_at timestamptz
INSERT INTO coproduction.rate (
    town_id, activity_id, stream, from_day, pays_minor, per_quantity, source, set_by, set_at
)
VALUES (
    %(town_id)s, %(activity_id)s, %(stream)s, %(from_day)s, %(pays_minor)s, %(per_quantity)s, %(source)s, %(set_by)s,
    %(set_at)s
)
ON CONFLICT (town_id, activity_id, stream, from_day) DO UPDATE SET
    pays_minor = excluded.pays_minor, per_quantity = excluded.per_quantity, source = excluded.source,
    set_by = excluded.set_by, set_at = excluded.set_at
WHERE (rate.pays_minor, rate.per_quantity, rate.source) <> (excluded.pays_minor, excluded.per_quantity, excluded.source);
