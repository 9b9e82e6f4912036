-- A town's sealed blocks in order, from a number on, at most so many. Locks nothing.
--
-- town_id integer, first bigint, most integer (NULL is all)
SELECT number, seq_from, seq_to, transfers, merkle_root, previous, hash, sealed_at
FROM ledger.block
WHERE town_id = %(town_id)s AND number >= %(first)s
ORDER BY number
LIMIT %(most)s::integer;
