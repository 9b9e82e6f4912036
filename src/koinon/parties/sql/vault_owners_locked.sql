-- The parties behind some ids, locked until the transaction ends.
--
-- party_ids  uuid[]  in any order
--
-- Locked by id, so that two erasures that cross cannot deadlock.
SELECT party.id, party.town_id, party.kind, town.country, party.erased_at IS NOT NULL AS erased
FROM parties_party AS party
INNER JOIN parties_town AS town ON town.id = party.town_id
WHERE party.id = ANY(%(party_ids)s::uuid[])
ORDER BY party.id
FOR NO KEY UPDATE OF party;
