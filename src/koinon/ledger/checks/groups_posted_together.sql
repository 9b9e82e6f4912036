-- Invariant: the transfers of a group were posted by one transaction.
-- Returns the groups that break it; an empty answer is a pass.
SELECT town_id, group_id, count(DISTINCT tx) AS transactions
FROM ledger.transfer
WHERE group_id IS NOT NULL
GROUP BY town_id, group_id
HAVING count(DISTINCT tx) > 1;
