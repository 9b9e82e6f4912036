-- Secrets that are not sealed by the current key of the installation.
--
-- key_id text, size integer
--
-- Locked, so that two who seal anew take turns.
SELECT l.town_id, l.id, l.key_id, l.secret, l.old_key_id, l.old_secret, l.old_secret_until
FROM outbox.listener AS l
WHERE l.secret IS NOT NULL AND (l.key_id <> %(key_id)s OR l.old_secret IS NOT NULL AND l.old_key_id <> %(key_id)s)
ORDER BY l.town_id, l.id
LIMIT %(size)s
FOR NO KEY UPDATE;
