-- Record organisations, or what changed of them.
--
-- town_id integer, and arrays of the same length: party_id uuid, trade_name text, sector text,
-- sector_group text, legal_form text, is_sse boolean, registry_number text, size_class text, zone text,
-- is_chain boolean, accepts_since date, latitude numeric, longitude numeric, active boolean
INSERT INTO parties_organisation (
    party_id, trade_name, sector, sector_group, legal_form, is_sse, registry_number, size_class, zone_id,
    is_chain, accepts_since, latitude, longitude, active
)
SELECT
    wanted.party_id, wanted.trade_name, wanted.sector, wanted.sector_group, wanted.legal_form, wanted.is_sse,
    wanted.registry_number, wanted.size_class, zone.id, wanted.is_chain, wanted.accepts_since,
    wanted.latitude, wanted.longitude, wanted.active
FROM unnest(
    %(party_id)s::uuid[], %(trade_name)s::text[], %(sector)s::text[], %(sector_group)s::text[],
    %(legal_form)s::text[], %(is_sse)s::boolean[], %(registry_number)s::text[], %(size_class)s::text[],
    %(zone)s::text[], %(is_chain)s::boolean[], %(accepts_since)s::date[],
    %(latitude)s::numeric[], %(longitude)s::numeric[], %(active)s::boolean[]
) AS wanted (
    party_id, trade_name, sector, sector_group, legal_form, is_sse, registry_number, size_class, zone,
    is_chain, accepts_since, latitude, longitude, active
)
LEFT JOIN parties_zone AS zone ON zone.town_id = %(town_id)s AND zone.code = wanted.zone
ON CONFLICT (party_id) DO UPDATE
    SET
        trade_name = excluded.trade_name,
        sector = excluded.sector,
        sector_group = excluded.sector_group,
        legal_form = excluded.legal_form,
        is_sse = excluded.is_sse,
        registry_number = excluded.registry_number,
        size_class = excluded.size_class,
        zone_id = excluded.zone_id,
        is_chain = excluded.is_chain,
        accepts_since = excluded.accepts_since,
        latitude = excluded.latitude,
        longitude = excluded.longitude,
        active = excluded.active;
