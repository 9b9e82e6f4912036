-- Invariant: only sealed rows are followed: below them nothing can appear any more.
-- Returns the towns followed further than they are sealed; an empty answer is a pass.
SELECT f.town_id, f.convention, f.seq_to, c.seq_to AS sealed_to
FROM impact.followed AS f
LEFT JOIN ledger.chain AS c ON c.town_id = f.town_id
WHERE f.seq_to > coalesce(c.seq_to, 0);
