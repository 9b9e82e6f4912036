-- Codes of cards not handed over yet that are not sealed by the current key of the installation.
--
-- key_id text, size integer
--
-- Locked, so that two who seal anew take turns, and none is handed over meanwhile.
SELECT c.town_id, c.id, c.key_id, c.sealed_token
FROM instruments.card AS c
WHERE c.sealed_token IS NOT NULL AND c.key_id <> %(key_id)s
ORDER BY c.town_id, c.id
LIMIT %(size)s
FOR NO KEY UPDATE;
