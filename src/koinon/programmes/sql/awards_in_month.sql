-- One award for each household of a programme: the one that holds in the month, else its latest.
--
-- programme_id uuid, first_day date, last_day date  of the month
--
-- Awards that do not hold are decided on as well: their no has its ground.
SELECT DISTINCT ON (award.household_id)
    award.id AS award_id,
    award.household_id AS party_id,
    award.monthly_minor,
    award.from_day,
    award.to_day,
    coalesce(zone.code, '') AS zone,
    household.income_band,
    household.members,
    party.erased_at IS NOT NULL AS erased
FROM programmes_award AS award
INNER JOIN parties_household AS household ON household.party_id = award.household_id
INNER JOIN parties_party AS party ON party.id = household.party_id
LEFT JOIN parties_zone AS zone ON zone.id = household.zone_id
WHERE award.programme_id = %(programme_id)s
ORDER BY
    award.household_id,
    (award.from_day <= %(last_day)s AND (award.to_day IS NULL OR award.to_day >= %(first_day)s)) DESC,
    award.from_day DESC;
