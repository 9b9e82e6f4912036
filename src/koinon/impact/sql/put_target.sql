-- Say what a town wants indicators to be by a day. Touches no row where it was said already.
--
-- town_id integer
-- indicator text[], part text[], by_day date[], from_day date[], value numeric[], source text[]  side by side, each
--     indicator, part and last day once
-- set_by text, set_at timestamptz
INSERT INTO impact.target (town_id, indicator, part, by_day, from_day, value, source, set_by, set_at)
SELECT
    %(town_id)s, said.indicator, said.part, said.by_day, said.from_day, said.value, said.source, %(set_by)s, %(set_at)s
FROM unnest(
    %(indicator)s::text[], %(part)s::text[], %(by_day)s::date[], %(from_day)s::date[], %(value)s::numeric[],
    %(source)s::text[]
) AS said (indicator, part, by_day, from_day, value, source)
ON CONFLICT (town_id, indicator, part, by_day) DO UPDATE SET
    from_day = excluded.from_day, value = excluded.value, source = excluded.source,
    set_by = excluded.set_by, set_at = excluded.set_at
WHERE (target.from_day, target.value, target.source) <> (excluded.from_day, excluded.value, excluded.source);
