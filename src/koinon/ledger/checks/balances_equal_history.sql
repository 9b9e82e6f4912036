-- Invariant: what stands on an account is the sum of its transfers.
-- Returns the accounts that break it; an empty answer is a pass.
SELECT acc.town_id, acc.id AS account_id, acc.debits_posted, coalesce(d.minor, 0) AS debits_in_history,
       acc.credits_posted, coalesce(c.minor, 0) AS credits_in_history
FROM ledger.account AS acc
LEFT JOIN (SELECT town_id, debit_account, sum(amount_minor) AS minor FROM ledger.transfer GROUP BY 1, 2) AS d
    ON d.town_id = acc.town_id AND d.debit_account = acc.id
LEFT JOIN (SELECT town_id, credit_account, sum(amount_minor) AS minor FROM ledger.transfer GROUP BY 1, 2) AS c
    ON c.town_id = acc.town_id AND c.credit_account = acc.id
WHERE acc.debits_posted <> coalesce(d.minor, 0) OR acc.credits_posted <> coalesce(c.minor, 0);
