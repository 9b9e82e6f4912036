-- Say how many people live in some neighbourhoods from a day on. Touches no row where it was said already.
--
-- town_id integer
-- zone text[], from_day date[], residents integer[], source text[]  side by side, each zone and day once
-- set_by text, set_at timestamptz
INSERT INTO impact.zone_residents (town_id, zone, from_day, residents, source, set_by, set_at)
SELECT %(town_id)s, said.zone, said.from_day, said.residents, said.source, %(set_by)s, %(set_at)s
FROM unnest(
    %(zone)s::text[], %(from_day)s::date[], %(residents)s::integer[], %(source)s::text[]
) AS said (zone, from_day, residents, source)
ON CONFLICT (town_id, zone, from_day) DO UPDATE SET
    residents = excluded.residents, source = excluded.source, set_by = excluded.set_by, set_at = excluded.set_at
WHERE (zone_residents.residents, zone_residents.source) <> (excluded.residents, excluded.source);
