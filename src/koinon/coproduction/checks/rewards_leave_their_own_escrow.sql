-- Invariant: a reward, and what is issued or returned for it, runs within the fund and through the escrow of its own activity's programme.
-- Returns the transfers that break it; an empty answer is a pass.
SELECT t.town_id, t.id AS transfer_id, t.code, t.amount_minor, t.reference
FROM ledger.transfer AS t
INNER JOIN ledger.account AS debit ON debit.town_id = t.town_id AND debit.id = t.debit_account
INNER JOIN ledger.account AS credit ON credit.town_id = t.town_id AND credit.id = t.credit_account
LEFT JOIN coproduction.contribution AS c ON c.town_id = t.town_id AND 'activity:' || c.id = t.reference
LEFT JOIN coproduction.activity AS activity ON activity.town_id = c.town_id AND activity.id = c.activity_id
LEFT JOIN coproduction.purse_strings AS strings
    ON strings.town_id = activity.town_id AND strings.programme_id = activity.programme_id
WHERE
    (t.code = 'reward' OR (t.code IN ('issue', 'unissue') AND starts_with(t.reference, 'activity:')))
    AND (
        strings.fund_id IS DISTINCT FROM debit.fund
        OR strings.fund_id IS DISTINCT FROM credit.fund
        OR strings.programme_id IS DISTINCT FROM CASE
            WHEN debit.kind = 'escrow' THEN debit.holder WHEN credit.kind = 'escrow' THEN credit.holder
        END
    );
