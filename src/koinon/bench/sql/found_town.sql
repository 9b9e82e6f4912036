-- A town with its own party, its neighbourhoods and nobody in it yet.
--
-- zones  text[]  codes
WITH town AS (
    INSERT INTO parties_town (id, slug, name, country, unit_code, unit_name, unit_symbol, exponent, national_currency,
                              time_zone, languages, legal_basis, party_id, created_at)
    VALUES (%(town_id)s, 'bench', 'Bench', 'ES', %(unit)s, 'Unit', '', 2, 'EUR', 'UTC', '[]', '{}', %(body)s, %(now)s)
    RETURNING id
),
party AS (
    INSERT INTO parties_party (id, town_id, kind, created_at)
    SELECT %(body)s, town.id, 'public_body', %(now)s FROM town
    RETURNING id, town_id
),
zones AS (
    INSERT INTO parties_zone (town_id, code, name)
    SELECT town.id, zone.code, initcap(zone.code) FROM town, unnest(%(zones)s::text[]) AS zone (code)
    RETURNING id
)
SELECT count(*) FROM zones, party;
