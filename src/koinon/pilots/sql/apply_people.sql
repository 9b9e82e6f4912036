-- The people of a town who were not erased.
--
-- town_id integer
SELECT
    person.party_id, person.household_id AS household, coalesce(zone.code, '') AS zone, person.is_reference
FROM parties_person AS person
INNER JOIN parties_party AS party ON party.id = person.party_id
LEFT JOIN parties_zone AS zone ON zone.id = person.zone_id
WHERE party.town_id = %(town_id)s AND party.erased_at IS NULL;
