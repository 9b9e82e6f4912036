-- So many households, made here: their ids are in the order of their numbers.
--
-- town_id integer, wallets integer, since bigint (milliseconds), now timestamptz
WITH made AS (
    SELECT (
        lpad(to_hex(%(since)s::bigint + number / 4096), 12, '0') || '7' || lpad(to_hex(number %% 4096), 3, '0')
        || '8' || substr(md5(number::text), 1, 15)
    )::uuid AS id, number
    FROM generate_series(0, %(wallets)s - 1) AS number
),
party AS (
    INSERT INTO parties_party (id, town_id, kind, created_at)
    SELECT made.id, %(town_id)s, 'household', %(now)s FROM made ORDER BY made.id
    RETURNING id
),
zones AS (
    SELECT array_agg(zone.id ORDER BY zone.id) AS ids FROM parties_zone AS zone WHERE zone.town_id = %(town_id)s
)
INSERT INTO parties_household (party_id, zone_id, members, income_band)
SELECT made.id, zones.ids[1 + made.number %% cardinality(zones.ids)], 3, 'low'
FROM made INNER JOIN party ON party.id = made.id CROSS JOIN zones;
