-- Invariant: every block follows the one before, covers what it sealed, and ends at the town's head.
-- Returns the blocks that break it; an empty answer is a pass.
WITH sealed AS (
    SELECT b.*,
           lag(b.hash, 1, decode(repeat('00', 32), 'hex')) OVER chain AS hash_before,
           lag(b.tx_to, 1, 0::bigint) OVER chain AS tx_before,
           lag(b.number, 1, 0::bigint) OVER chain AS number_before,
           lead(b.number) OVER chain AS number_after
    FROM ledger.block AS b
    WINDOW chain AS (PARTITION BY b.town_id ORDER BY b.number)
)
SELECT s.town_id, s.number AS block, s.transfers AS sealed_transfers, rows_now.transfers AS transfers_now
FROM sealed AS s
LEFT JOIN ledger.chain AS head ON head.town_id = s.town_id
CROSS JOIN LATERAL (
    SELECT count(*) AS transfers,
           ledger.merkle_root(array_agg(sha256('\x00'::bytea || ledger.canonical(t)) ORDER BY t.id)) AS root
    FROM ledger.transfer AS t
    WHERE t.town_id = s.town_id AND t.tx >= s.tx_from AND t.tx < s.tx_to
) AS rows_now
WHERE s.previous <> s.hash_before OR s.tx_from <> s.tx_before OR s.number <> s.number_before + 1
   OR rows_now.transfers <> s.transfers OR rows_now.root IS DISTINCT FROM s.merkle_root
   OR s.hash <> ledger.block_hash(s.town_id, s.number, s.tx_from, s.tx_to, s.transfers, s.merkle_root, s.previous)
   OR (s.number_after IS NULL AND (head.hash IS DISTINCT FROM s.hash OR head.tx_to <> s.tx_to))
UNION ALL
SELECT head.town_id, head.number, NULL, NULL
FROM ledger.chain AS head
WHERE head.number > 0 AND NOT EXISTS (SELECT 1 FROM ledger.block AS b WHERE b.town_id = head.town_id);
