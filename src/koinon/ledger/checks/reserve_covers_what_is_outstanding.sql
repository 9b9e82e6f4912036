-- Invariant: the euros in the bank by the books cover every unit outstanding and every euro owed to shops.
-- Returns the towns that break it; an empty answer is a pass.
SELECT town_id, unit,
       -sum(credits_posted - debits_posted) FILTER (WHERE kind = 'issuance') AS reserve_minor,
       sum(credits_posted - debits_posted) FILTER (WHERE kind = 'redemption') AS owed_minor,
       sum(credits_posted - debits_posted) FILTER (WHERE kind IN ('escrow', 'purse', 'till', 'clearing')) AS outstanding_minor
FROM ledger.account
GROUP BY town_id, unit
HAVING coalesce(-sum(credits_posted - debits_posted) FILTER (WHERE kind = 'issuance'), 0)
     < coalesce(sum(credits_posted - debits_posted) FILTER (WHERE kind IN ('escrow', 'purse', 'till', 'clearing', 'redemption')), 0);
