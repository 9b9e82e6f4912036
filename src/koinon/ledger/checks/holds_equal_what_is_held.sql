-- Invariant: what an account shows as held is the sum of its open holds.
-- Returns the accounts that break it; an empty answer is a pass.
SELECT acc.town_id, acc.id AS account_id, acc.debits_held, coalesce(d.minor, 0) AS debits_in_holds,
       acc.credits_held, coalesce(c.minor, 0) AS credits_in_holds
FROM ledger.account AS acc
LEFT JOIN (
    SELECT town_id, debit_account, sum(amount_minor) AS minor FROM ledger.hold WHERE state = 'open' GROUP BY 1, 2
) AS d ON d.town_id = acc.town_id AND d.debit_account = acc.id
LEFT JOIN (
    SELECT town_id, credit_account, sum(amount_minor) AS minor FROM ledger.hold WHERE state = 'open' GROUP BY 1, 2
) AS c ON c.town_id = acc.town_id AND c.credit_account = acc.id
WHERE acc.debits_held <> coalesce(d.minor, 0) OR acc.credits_held <> coalesce(c.minor, 0);
