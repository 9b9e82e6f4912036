-- Keep the keys of parties wrapped by another key; what is sealed under them stays as it is.
--
-- key_id text, parties uuid[], wrapped bytea[] side by side
--
-- Only entries that are there: whoever was erased meanwhile stays erased.
UPDATE parties_vaultentry AS entry
SET key_id = %(key_id)s, wrapped_key = given.wrapped_key
FROM unnest(%(parties)s::uuid[], %(wrapped)s::bytea[]) AS given (party_id, wrapped_key)
WHERE entry.party_id = given.party_id;
