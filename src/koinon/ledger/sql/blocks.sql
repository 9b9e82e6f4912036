-- A town's sealed blocks in order, from a number on. Locks nothing.
--
-- town_id integer, first bigint
SELECT number, tx_from, tx_to, transfers, merkle_root, previous, hash, sealed_at
FROM ledger.block
WHERE town_id = %(town_id)s AND number >= %(first)s
ORDER BY number;
