-- A town's newest sealed block, if there is one. Locks nothing.
--
-- town_id integer
SELECT number, seq_from, seq_to, transfers, merkle_root, previous, hash, sealed_at
FROM ledger.block
WHERE town_id = %(town_id)s
ORDER BY number DESC
LIMIT 1;
