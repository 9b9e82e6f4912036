-- The statuses that households have, in the town's own codes.
--
-- town_id integer
--
-- One row (code text) for each, in order. Locks nothing.
SELECT DISTINCT status.kept ->> 'code' AS code
FROM parties_household AS household
INNER JOIN parties_party AS party ON party.id = household.party_id
CROSS JOIN LATERAL jsonb_array_elements(household.statuses) AS status (kept)
WHERE party.town_id = %(town_id)s
ORDER BY code;
