-- Invariant: the hours of a time bank's members and of the bank itself are together always zero, and no account has its unit but theirs.
-- Returns the units that break it; an empty answer is a pass.
WITH belongs AS (
    SELECT bank.town_id, bank.unit, bank.account FROM coproduction.time_bank AS bank
    UNION ALL
    SELECT m.town_id, bank.unit, m.account
    FROM coproduction.time_bank_member AS m
    INNER JOIN coproduction.time_bank AS bank ON bank.town_id = m.town_id AND bank.id = m.bank_id
)
SELECT
    account.town_id, account.unit, sum(account.credits_posted - account.debits_posted) AS out_by_minutes,
    count(*) FILTER (WHERE belongs.account IS NULL) AS accounts_of_nobody
FROM ledger.account AS account
LEFT JOIN belongs
    ON belongs.town_id = account.town_id AND belongs.account = account.id AND belongs.unit = account.unit
WHERE
    account.kind = 'member'
    OR EXISTS (
        SELECT FROM coproduction.time_bank AS bank WHERE bank.town_id = account.town_id AND bank.unit = account.unit
    )
GROUP BY account.town_id, account.unit
HAVING sum(account.credits_posted - account.debits_posted) <> 0 OR count(*) FILTER (WHERE belongs.account IS NULL) > 0;
