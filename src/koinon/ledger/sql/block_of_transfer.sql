-- The block that covers a row of the journal, if it is sealed. Locks nothing.
--
-- town_id integer, transfer_id uuid
SELECT b.number, b.seq_from, b.seq_to, b.transfers, b.merkle_root, b.previous, b.hash, b.sealed_at
FROM ledger.journal AS line
CROSS JOIN LATERAL (
    SELECT next.* FROM ledger.block AS next
    WHERE next.town_id = line.town_id AND next.seq_to > line.seq
    ORDER BY next.seq_to
    LIMIT 1
) AS b
WHERE line.town_id = %(town_id)s AND line.id = %(transfer_id)s AND b.seq_from <= line.seq;
