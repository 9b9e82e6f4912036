-- The organisations that accept payments on a local day, by neighbourhood and name.
--
-- town_id integer, day date
SELECT
    organisation.party_id, organisation.trade_name, coalesce(zone.code, '') AS zone,
    coalesce(zone.name, '') AS zone_name, organisation.sector, organisation.sector_group,
    organisation.legal_form, organisation.is_sse, organisation.is_chain, organisation.accepts_since,
    organisation.size_class AS size, organisation.latitude, organisation.longitude
FROM parties_organisation AS organisation
INNER JOIN parties_party AS party ON party.id = organisation.party_id
LEFT JOIN parties_zone AS zone ON zone.id = organisation.zone_id
WHERE
    party.town_id = %(town_id)s
    AND party.erased_at IS NULL
    AND organisation.active
    AND (organisation.accepts_since IS NULL OR organisation.accepts_since <= %(day)s)
ORDER BY zone.name NULLS LAST, organisation.trade_name, organisation.party_id;
