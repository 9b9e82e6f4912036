-- Entries whose key is wrapped by another key than the current one, locked.
--
-- key_id  text     the current key
-- after   uuid     only parties behind this one
-- size    integer  how many at the most
--
-- Entries that another transaction is writing are left for the next time. Each batch begins where the one before ended:
-- those already wrapped anew are not walked over again.
SELECT party_id, town_id, key_id, wrapped_key, sealed::text AS sealed
FROM parties_vaultentry
WHERE key_id <> %(key_id)s AND party_id > %(after)s
ORDER BY party_id
LIMIT %(size)s
FOR NO KEY UPDATE SKIP LOCKED;
