-- Hashes of PINs that are not sealed by the current key of the installation, locked.
--
-- mark text (how the current key is named in a hash), town_id integer and card uuid (only those behind), size integer
--
-- Rows that another transaction is writing are left for the next time.
SELECT p.town_id, p.instrument AS card, p.hash
FROM instruments.pin AS p
WHERE strpos(p.hash, %(mark)s) = 0 AND (p.town_id, p.instrument) > (%(town_id)s, %(card)s)
ORDER BY p.town_id, p.instrument
LIMIT %(size)s
FOR NO KEY UPDATE SKIP LOCKED;
