-- Invariant: what is issued, given back or disbursed is of a cycle, through an escrow of its own programme and within one fund.
-- Returns the transfers that break it; an empty answer is a pass. No operation reverses such a transfer.
SELECT transfer.town_id, transfer.id AS transfer_id, transfer.code, transfer.amount_minor, transfer.reference, transfer.reverses
FROM ledger.transfer AS transfer
INNER JOIN ledger.account AS debit ON debit.town_id = transfer.town_id AND debit.id = transfer.debit_account
INNER JOIN ledger.account AS credit ON credit.town_id = transfer.town_id AND credit.id = transfer.credit_account
LEFT JOIN (
    SELECT programme.town_id, programme.id AS programme_id, cycle.id AS cycle_id, 'cycle:' || cycle.id AS reference
    FROM programmes_cycle AS cycle
    INNER JOIN programmes_programme AS programme ON programme.id = cycle.programme_id
) AS known ON known.town_id = transfer.town_id AND known.reference = transfer.reference
WHERE
    transfer.code IN ('issue', 'unissue', 'disburse')
    AND (transfer.code = 'disburse' OR NOT transfer.reference ~ '^(campaign|topup|activity|voucher):')  -- Those have checks of their own.
    AND (
        transfer.reverses IS NOT NULL
        OR (
            known.programme_id IS DISTINCT FROM CASE transfer.code WHEN 'issue' THEN credit.holder ELSE debit.holder END
            AND NOT EXISTS (
                SELECT FROM programmes_lane AS lane
                WHERE
                    lane.cycle_id = known.cycle_id
                    AND lane.escrow = CASE transfer.code WHEN 'issue' THEN credit.id ELSE debit.id END
            )
        )
        OR debit.fund IS DISTINCT FROM credit.fund
    );
