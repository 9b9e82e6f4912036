-- What the town's registers say about a party that was not erased, outside the vault.
--
-- town_id integer, party uuid
--
-- At most one row. people are the residents of a household to whom the town writes. Locks nothing.
SELECT
    party.kind, party.created_at AS known_since, coalesce(zone.name, '') AS zone, household.members,
    coalesce(household.income_band, '') AS income_band, household.joined_on::text AS joined_on,
    household.resident_since::text AS resident_since,
    coalesce(household.children_born, '[]'::jsonb)::text AS children_born,
    coalesce(household.statuses, '[]'::jsonb)::text AS statuses,
    coalesce(organisation.trade_name, '') AS trade_name,
    coalesce((
        SELECT array_agg(member.party_id ORDER BY member.party_id)
        FROM parties_person AS member
        INNER JOIN parties_party AS itself ON itself.id = member.party_id AND itself.erased_at IS NULL
        WHERE member.household_id = party.id AND member.is_reference
    ), '{}'::uuid[]) AS people
FROM parties_party AS party
LEFT JOIN parties_household AS household ON household.party_id = party.id
LEFT JOIN parties_organisation AS organisation ON organisation.party_id = party.id
LEFT JOIN parties_person AS person ON person.party_id = party.id
LEFT JOIN parties_zone AS zone ON zone.id = coalesce(household.zone_id, organisation.zone_id, person.zone_id)
WHERE party.town_id = %(town_id)s AND party.id = %(party)s AND party.erased_at IS NULL;
