-- Whether the town has this household, and it was not erased.
--
-- town_id integer, household uuid
SELECT household.party_id AS id
FROM parties_household AS household
INNER JOIN parties_party AS party ON party.id = household.party_id
WHERE party.town_id = %(town_id)s AND household.party_id = %(household)s AND party.erased_at IS NULL;
