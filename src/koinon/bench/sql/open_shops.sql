-- Shops that accept the currency, spread over the town's neighbourhoods.
--
-- ids     uuid[]
-- groups  text[]  what each of them sells
WITH party AS (
    INSERT INTO parties_party (id, town_id, kind, created_at)
    SELECT asked.id, %(town_id)s, 'organisation', %(now)s FROM unnest(%(ids)s::uuid[]) AS asked (id)
    RETURNING id
),
zones AS (
    SELECT array_agg(zone.id ORDER BY zone.id) AS ids FROM parties_zone AS zone WHERE zone.town_id = %(town_id)s
)
INSERT INTO parties_organisation (party_id, trade_name, sector, sector_group, legal_form, is_sse, registry_number,
                                  size_class, zone_id, is_chain, accepts_since, active)
SELECT
    asked.id, 'Shop ' || asked.place, '47.11', asked.sells, 'limited', FALSE, '', 'micro',
    zones.ids[1 + asked.place %% cardinality(zones.ids)], FALSE, NULL, TRUE
FROM unnest(%(ids)s::uuid[], %(groups)s::text[]) WITH ORDINALITY AS asked (id, sells, place)
INNER JOIN party ON party.id = asked.id
CROSS JOIN zones;
