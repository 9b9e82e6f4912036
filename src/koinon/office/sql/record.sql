-- One household or organisation, with what its page shows first.
--
-- town_id integer, party uuid
--
-- At most one row. Locks nothing.
SELECT
    party.id AS party,
    party.kind,
    party.created_at,
    party.erased_at,
    coalesce(zone.name, '') AS zone,
    household.members,
    coalesce(household.income_band, '') AS income_band,
    household.joined_on,
    coalesce(organisation.sector, '') AS sector,
    coalesce(organisation.sector_group, '') AS sector_group,
    coalesce(organisation.legal_form, '') AS legal_form,
    coalesce(organisation.is_sse, FALSE) AS is_sse,
    coalesce(organisation.is_chain, FALSE) AS is_chain,
    organisation.accepts_since,
    coalesce(organisation.active, TRUE) AS active,
    (
        SELECT array_agg(person.party_id ORDER BY person.is_reference DESC, person.party_id)
        FROM parties_person AS person
        INNER JOIN parties_party AS itself ON itself.id = person.party_id AND itself.erased_at IS NULL
        WHERE person.household_id = party.id
    ) AS people
FROM parties_party AS party
LEFT JOIN parties_household AS household ON household.party_id = party.id
LEFT JOIN parties_organisation AS organisation ON organisation.party_id = party.id
LEFT JOIN parties_person AS person ON person.party_id = party.id
LEFT JOIN parties_zone AS zone ON zone.id = coalesce(household.zone_id, organisation.zone_id, person.zone_id)
WHERE party.town_id = %(town_id)s AND party.id = %(party)s
    AND party.kind IN ('household', 'organisation');
