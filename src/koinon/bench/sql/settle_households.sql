-- Households, spread over the town's neighbourhoods.
--
-- ids  uuid[]
WITH party AS (
    INSERT INTO parties_party (id, town_id, kind, created_at)
    SELECT asked.id, %(town_id)s, 'household', %(now)s FROM unnest(%(ids)s::uuid[]) AS asked (id)
    RETURNING id
),
zones AS (
    SELECT array_agg(zone.id ORDER BY zone.id) AS ids FROM parties_zone AS zone WHERE zone.town_id = %(town_id)s
)
INSERT INTO parties_household (party_id, zone_id, members, income_band)
SELECT party.id, zones.ids[1 + row_number() OVER (ORDER BY party.id) %% cardinality(zones.ids)], 3, 'low'
FROM party, zones;
