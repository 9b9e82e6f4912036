-- Invariant: a group stands side by side in the books, whole, from one batch.
-- Returns the groups that break it; an empty answer is a pass.
SELECT town_id, seq - leg AS group_seq, max(legs) AS legs, count(*) AS legs_there
FROM ledger.journal
WHERE legs <> 1 OR leg <> 0
GROUP BY town_id, seq - leg
HAVING count(*) <> max(legs) OR min(legs) <> max(legs) OR max(leg) <> max(legs) - 1 OR min(posted_at) <> max(posted_at)
    OR min(seq) >> 16 <> max(seq) >> 16;
