-- The households and shops of a sandbox.
--
-- town_id integer, at timestamptz, households uuid[], and side by side: shops uuid[], names text[], sectors text[],
-- sector_groups text[], chains boolean[]
WITH zone AS (
    SELECT id FROM parties_zone WHERE town_id = %(town_id)s AND code = 'centre'
), shop AS (
    SELECT wanted.id, wanted.trade_name, wanted.sector, wanted.sector_group, wanted.is_chain
    FROM unnest(
        %(shops)s::uuid[], %(names)s::text[], %(sectors)s::text[], %(sector_groups)s::text[], %(chains)s::boolean[]
    ) AS wanted (id, trade_name, sector, sector_group, is_chain)
), party AS (
    INSERT INTO parties_party (id, town_id, kind, created_at)
    SELECT wanted.id, %(town_id)s, 'household', %(at)s
    FROM unnest(%(households)s::uuid[]) AS wanted (id)
    UNION ALL
    SELECT shop.id, %(town_id)s, 'organisation', %(at)s FROM shop
    RETURNING id, kind
), household AS (
    INSERT INTO parties_household (party_id, zone_id, members, income_band)
    SELECT party.id, zone.id, 3, '' FROM party CROSS JOIN zone WHERE party.kind = 'household'
)
INSERT INTO parties_organisation (
    party_id, trade_name, sector, sector_group, legal_form, is_sse, registry_number, size_class, zone_id, is_chain,
    accepts_since, active
)
SELECT
    shop.id, shop.trade_name, shop.sector, shop.sector_group, 'limited', FALSE, '', '', zone.id, shop.is_chain, NULL,
    TRUE
FROM shop
INNER JOIN party ON party.id = shop.id
CROSS JOIN zone;
