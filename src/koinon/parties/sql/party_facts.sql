-- What rules may look at about a party.
--
-- town_id integer, party_id uuid
--
-- At most one row. An erased party is not active.
SELECT
    party.id AS party_id,
    party.kind,
    coalesce(zone.code, '') AS zone,
    coalesce(organisation.sector, '') AS sector,
    coalesce(organisation.sector_group, '') AS sector_group,
    coalesce(organisation.legal_form, '') AS legal_form,
    coalesce(organisation.is_sse, FALSE) AS is_sse,
    coalesce(organisation.is_chain, FALSE) AS is_chain,
    organisation.accepts_since,
    coalesce(organisation.active, TRUE) AND party.erased_at IS NULL AS active
FROM parties_party AS party
LEFT JOIN parties_organisation AS organisation ON organisation.party_id = party.id
LEFT JOIN parties_household AS household ON household.party_id = party.id
LEFT JOIN parties_person AS person ON person.party_id = party.id
LEFT JOIN parties_zone AS zone
    ON zone.id = coalesce(organisation.zone_id, household.zone_id, person.zone_id)
WHERE party.town_id = %(town_id)s AND party.id = %(party_id)s;
