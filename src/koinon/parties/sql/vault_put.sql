-- Keep sealed fields of many parties in one statement.
--
-- parties uuid[], towns integer[], key_ids text[], wrapped bytea[], sealed text[] (JSON)
--
-- The arrays run in parallel. Locks the entries it replaces.
INSERT INTO parties_vaultentry (party_id, town_id, key_id, wrapped_key, sealed)
SELECT given.party_id, given.town_id, given.key_id, given.wrapped_key, given.sealed::jsonb
FROM unnest(
    %(parties)s::uuid[], %(towns)s::integer[], %(key_ids)s::text[], %(wrapped)s::bytea[], %(sealed)s::text[]
) AS given (party_id, town_id, key_id, wrapped_key, sealed)
ORDER BY given.party_id
ON CONFLICT (party_id) DO UPDATE
SET key_id = excluded.key_id, wrapped_key = excluded.wrapped_key, sealed = excluded.sealed;
