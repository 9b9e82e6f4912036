-- Say what a town wants an indicator to be by a day. Touches no row where it was said already.
--
-- town_id integer, indicator text, part text, by_day date, from_day date, value numeric, source text, set_by text,
-- set_at timestamptz
INSERT INTO impact.target (town_id, indicator, part, by_day, from_day, value, source, set_by, set_at)
VALUES (
    %(town_id)s, %(indicator)s, %(part)s, %(by_day)s, %(from_day)s, %(value)s, %(source)s, %(set_by)s, %(set_at)s
)
ON CONFLICT (town_id, indicator, part, by_day) DO UPDATE SET
    from_day = excluded.from_day, value = excluded.value, source = excluded.source,
    set_by = excluded.set_by, set_at = excluded.set_at
WHERE (target.from_day, target.value, target.source) <> (excluded.from_day, excluded.value, excluded.source);
