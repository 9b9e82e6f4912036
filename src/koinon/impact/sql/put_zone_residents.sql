-- Say how many people live in a neighbourhood from a day on. Touches no row where it was said already.
--
-- town_id integer, zone text, from_day date, residents integer, source text, set_by text, set_at timestamptz
INSERT INTO impact.zone_residents (town_id, zone, from_day, residents, source, set_by, set_at)
VALUES (%(town_id)s, %(zone)s, %(from_day)s, %(residents)s, %(source)s, %(set_by)s, %(set_at)s)
ON CONFLICT (town_id, zone, from_day) DO UPDATE SET
    residents = excluded.residents, source = excluded.source, set_by = excluded.set_by, set_at = excluded.set_at
WHERE (zone_residents.residents, zone_residents.source) <> (excluded.residents, excluded.source);
