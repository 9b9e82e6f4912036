-- Hashes of cashiers' PINs that are not sealed by the current key of the installation, locked.
--
-- mark text (how the current key is named in a hash), town_id integer and id uuid (only those behind), size integer
--
-- Those who work there no more as well: their rows stay, and an old key must open nothing. Rows that another transaction
-- is writing are left for the next time.
SELECT c.town_id, c.id, c.pin_hash
FROM payments.cashier AS c
WHERE strpos(c.pin_hash, %(mark)s) = 0 AND (c.town_id, c.id) > (%(town_id)s, %(id)s)
ORDER BY c.town_id, c.id
LIMIT %(size)s
FOR NO KEY UPDATE SKIP LOCKED;
