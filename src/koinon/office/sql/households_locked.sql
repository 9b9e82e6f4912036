-- Households about to move, locked in the order of their ids.
--
-- town_id integer, ids uuid[]
--
-- One row (id uuid, zone text: the neighbourhood's code) for each of the town that was not erased.
SELECT household.party_id AS id, coalesce((SELECT code FROM parties_zone WHERE id = household.zone_id), '') AS zone
FROM parties_household AS household
INNER JOIN parties_party AS party ON party.id = household.party_id
WHERE party.town_id = %(town_id)s AND party.erased_at IS NULL AND household.party_id = ANY(%(ids)s::uuid[])
ORDER BY household.party_id
FOR NO KEY UPDATE OF household;
