-- Invariant: every block follows the one before, covers what it sealed, and ends at the town's head.
-- Returns the blocks that break it; an empty answer is a pass. Where a number of the dictionary of codes has another
-- meaning than the one that seals are read with, that is the first block of every town.
WITH sealed AS (
    SELECT b.*,
           lag(b.hash, 1, decode(repeat('00', 32), 'hex')) OVER chain AS hash_before,
           lag(b.seq_to, 1, 0::bigint) OVER chain AS seq_before,
           lag(b.number, 1, 0::bigint) OVER chain AS number_before,
           lead(b.number) OVER chain AS number_after
    FROM ledger.block AS b
    WINDOW chain AS (PARTITION BY b.town_id ORDER BY b.number)
)
SELECT s.town_id, s.number AS block, s.transfers AS sealed_transfers, octet_length(rows_now.leaves) / 32 AS transfers_now
FROM sealed AS s
LEFT JOIN ledger.chain AS head ON head.town_id = s.town_id
CROSS JOIN LATERAL (SELECT ledger.leaves(s.town_id, s.seq_from, s.seq_to) AS leaves OFFSET 0) AS rows_now
WHERE s.previous <> s.hash_before OR s.seq_from <> s.seq_before OR s.number <> s.number_before + 1
   OR octet_length(rows_now.leaves) / 32 IS DISTINCT FROM s.transfers
   OR ledger.tree_root(rows_now.leaves) IS DISTINCT FROM s.merkle_root
   OR s.hash <> ledger.block_hash(
       s.town_id, s.number, s.seq_from, s.seq_to, s.transfers, s.sealed_at, s.merkle_root, s.previous)
   OR (s.number_after IS NULL AND (head.hash IS DISTINCT FROM s.hash OR head.seq_to <> s.seq_to))
UNION ALL
SELECT head.town_id, head.number, NULL, NULL
FROM ledger.chain AS head
WHERE head.number > 0 AND NOT EXISTS (SELECT 1 FROM ledger.block AS b WHERE b.town_id = head.town_id)
UNION ALL
SELECT b.town_id, b.number, NULL, NULL
FROM ledger.block AS b
WHERE b.number = 1 AND (SELECT jsonb_object_agg(code.number, code.name) FROM ledger.code AS code) IS DISTINCT FROM
    '{"1": "receive", "2": "withdraw", "3": "issue", "4": "unissue", "5": "disburse",
      "6": "pay", "7": "redeem", "8": "payout", "9": "expire", "10": "topup",
      "11": "bonus", "12": "reward", "13": "fee", "14": "unbind", "15": "exchange",
      "17": "cover"}'::jsonb;
