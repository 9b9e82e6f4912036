-- Say what a kilogram of some streams spares from a day on. Touches no row where it was said already.
--
-- town_id integer
-- stream text[], from_day date[], grams_per_kilogram integer[], source text[]  side by side, each stream and day once
-- set_by text, set_at timestamptz
INSERT INTO impact.conversion_factor (town_id, stream, from_day, grams_per_kilogram, source, set_by, set_at)
SELECT %(town_id)s, said.stream, said.from_day, said.grams_per_kilogram, said.source, %(set_by)s, %(set_at)s
FROM unnest(
    %(stream)s::text[], %(from_day)s::date[], %(grams_per_kilogram)s::integer[], %(source)s::text[]
) AS said (stream, from_day, grams_per_kilogram, source)
ON CONFLICT (town_id, stream, from_day) DO UPDATE SET
    grams_per_kilogram = excluded.grams_per_kilogram, source = excluded.source,
    set_by = excluded.set_by, set_at = excluded.set_at
WHERE (conversion_factor.grams_per_kilogram, conversion_factor.source)
    <> (excluded.grams_per_kilogram, excluded.source);
