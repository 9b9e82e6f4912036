-- The block that covers a transfer, if it is sealed. Locks nothing.
--
-- town_id integer, transfer_id uuid
SELECT b.number, b.tx_from, b.tx_to, b.transfers, b.merkle_root, b.previous, b.hash, b.sealed_at
FROM ledger.transfer AS t
INNER JOIN ledger.block AS b ON b.town_id = t.town_id AND t.tx >= b.tx_from AND t.tx < b.tx_to
WHERE t.town_id = %(town_id)s AND t.id = %(transfer_id)s;
