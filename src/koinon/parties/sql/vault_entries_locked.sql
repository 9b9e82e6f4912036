-- What is sealed about some parties, locked until the transaction ends.
--
-- party_ids  uuid[]  in any order
--
-- Two writers of one party's fields take turns, so that neither undoes the other's.
SELECT party_id, town_id, key_id, wrapped_key, sealed::text AS sealed
FROM parties_vaultentry
WHERE party_id = ANY(%(party_ids)s::uuid[])
ORDER BY party_id
FOR NO KEY UPDATE;
