-- The organisations of a town that were not erased.
--
-- town_id integer
SELECT
    organisation.party_id, organisation.trade_name, organisation.sector, organisation.sector_group,
    organisation.legal_form, organisation.is_sse, organisation.registry_number, organisation.size_class,
    coalesce(zone.code, '') AS zone, organisation.is_chain, organisation.accepts_since,
    organisation.latitude, organisation.longitude, organisation.active
FROM parties_organisation AS organisation
INNER JOIN parties_party AS party ON party.id = organisation.party_id
LEFT JOIN parties_zone AS zone ON zone.id = organisation.zone_id
WHERE party.town_id = %(town_id)s AND party.erased_at IS NULL;
