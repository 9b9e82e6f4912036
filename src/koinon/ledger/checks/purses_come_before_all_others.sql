-- Invariant: purses have lower ids than all other accounts, so that locking purses early and tills late is one order.
-- Returns the accounts that break it; an empty answer is a pass.
SELECT town_id, id AS account_id, kind::text AS kind
FROM ledger.account
WHERE (kind = 'purse') <> (id <= 1000000000);
