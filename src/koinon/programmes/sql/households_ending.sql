-- The households of a town whose id ends so: what lists show of them.
--
-- town_id integer
-- ending  text  hexadecimal signs, as pages show them
SELECT household.party_id AS id
FROM parties_household AS household
INNER JOIN parties_party AS party ON party.id = household.party_id
WHERE
    party.town_id = %(town_id)s AND party.erased_at IS NULL
    AND right(replace(household.party_id::text, '-', ''), length(%(ending)s)) = %(ending)s
ORDER BY household.party_id
LIMIT 2;
