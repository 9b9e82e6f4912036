-- Entries whose key is wrapped by another key than the current one, locked.
--
-- key_id  text     the current key
-- size    integer  how many at the most
--
-- Entries that another transaction is writing are left for the next time.
SELECT party_id, town_id, key_id, wrapped_key, sealed::text AS sealed
FROM parties_vaultentry
WHERE key_id <> %(key_id)s
ORDER BY party_id
LIMIT %(size)s
FOR NO KEY UPDATE SKIP LOCKED;
