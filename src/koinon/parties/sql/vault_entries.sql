-- What is sealed about some parties.
--
-- party_ids  uuid[]  in any order
--
-- One row for each party about whom anything is kept. Locks nothing. JSON as
-- text: Django's connections hand it over undecoded, ours decoded.
SELECT party_id, town_id, key_id, wrapped_key, sealed::text AS sealed
FROM parties_vaultentry
WHERE party_id = ANY(%(party_ids)s::uuid[]);
