-- Whose purse somebody's rewards go to: a person's household, or whoever it is.
--
-- town_id integer, party uuid
--
-- At most one row; none for a party of another kind, or one that was erased.
SELECT
    coalesce(person.household_id, party.id) AS payee, coalesce(zone.code, '') AS zone
FROM parties_party AS party
LEFT JOIN parties_person AS person ON person.party_id = party.id
LEFT JOIN parties_household AS household ON household.party_id = party.id
LEFT JOIN parties_zone AS zone ON zone.id = coalesce(household.zone_id, person.zone_id)
LEFT JOIN parties_party AS holder ON holder.id = person.household_id
WHERE
    party.town_id = %(town_id)s AND party.id = %(party)s AND party.kind IN ('person', 'household')
    AND party.erased_at IS NULL AND holder.erased_at IS NULL;
