-- The households of a town that were not erased.
--
-- town_id integer
SELECT
    household.party_id, coalesce(zone.code, '') AS zone, household.members::integer, household.income_band,
    household.joined_on, household.resident_since, household.children_born::text AS children_born,
    household.statuses::text AS statuses
FROM parties_household AS household
INNER JOIN parties_party AS party ON party.id = household.party_id
LEFT JOIN parties_zone AS zone ON zone.id = household.zone_id
WHERE party.town_id = %(town_id)s AND party.erased_at IS NULL;
