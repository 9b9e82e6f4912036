-- The income bands in use.
--
-- town_id integer
--
-- One row (income_band text) for each, in order. Locks nothing.
SELECT DISTINCT household.income_band
FROM parties_household AS household
INNER JOIN parties_party AS party ON party.id = household.party_id
WHERE party.town_id = %(town_id)s AND household.income_band <> ''
ORDER BY household.income_band;
