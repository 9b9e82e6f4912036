-- The residents of a town, as the table component reads them; names are in the vault.
--
-- town_id integer
--
-- One row for each that was not erased. Locks nothing.
SELECT
    person.party_id AS id,
    person.party_id AS party,
    person.household_id AS household,
    coalesce(zone.name, '') AS zone,
    person.is_reference
FROM parties_person AS person
INNER JOIN parties_party AS party ON party.id = person.party_id
LEFT JOIN parties_zone AS zone ON zone.id = person.zone_id
WHERE party.town_id = %(town_id)s AND party.erased_at IS NULL
