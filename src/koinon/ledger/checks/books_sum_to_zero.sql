-- Invariant: the balances of a town sum to zero in each unit, because every transfer has two sides.
-- Returns the town and unit that break it; an empty answer is a pass.
SELECT town_id, unit, sum(credits_posted - debits_posted) AS out_by_minor
FROM ledger.account
GROUP BY town_id, unit
HAVING sum(credits_posted - debits_posted) <> 0;
