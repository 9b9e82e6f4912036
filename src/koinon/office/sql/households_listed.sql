-- The households of a town, as the table component reads them.
--
-- town_id integer
--
-- One row for each that was not erased. ``balance_minor`` is what all its purses have to spend. Locks nothing.
SELECT
    household.party_id AS id,
    household.party_id AS party,
    coalesce(zone.name, '') AS zone,
    household.members::numeric AS members,
    coalesce(town.income_bands ->> household.income_band, household.income_band) AS income_band,
    household.joined_on,
    household.resident_since,
    (
        SELECT coalesce(sum(purse.credits_posted - purse.debits_posted - purse.debits_held), 0)::bigint
        FROM ledger.account AS purse
        WHERE purse.town_id = %(town_id)s AND purse.holder = household.party_id AND purse.kind = 'purse'
    ) AS balance_minor,
    (
        SELECT coalesce(sum(award.monthly_minor), 0)::bigint
        FROM programmes_award AS award
        WHERE award.household_id = household.party_id
            AND award.from_day <= %(today)s AND (award.to_day IS NULL OR award.to_day >= %(today)s)
    ) AS monthly_minor
FROM parties_household AS household
INNER JOIN parties_party AS party ON party.id = household.party_id
INNER JOIN parties_town AS town ON town.id = party.town_id
LEFT JOIN parties_zone AS zone ON zone.id = household.zone_id
WHERE party.town_id = %(town_id)s AND party.erased_at IS NULL
