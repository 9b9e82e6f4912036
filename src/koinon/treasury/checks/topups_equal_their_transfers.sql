-- Invariant: every top-up received is euros received, units issued into the town's escrow and moved on to its party, all of
-- one amount; what went back of it is as much of each the other way round; no other such movement was ever made.
-- Returns what breaks it; an empty answer is a pass.
WITH moved AS (
    SELECT
        t.town_id, t.id, t.code, t.amount_minor, t.reference, t.reverses, credit.holder, credit.kind, credit.fund,
        debit.holder AS debit_holder
    FROM ledger.transfer AS t
    INNER JOIN ledger.account AS debit ON debit.town_id = t.town_id AND debit.id = t.debit_account
    INNER JOIN ledger.account AS credit ON credit.town_id = t.town_id AND credit.id = t.credit_account
    WHERE t.code = 'topup' OR (t.code IN ('issue', 'unissue') AND starts_with(t.reference, 'topup:'))
)

SELECT
    coalesce(asked.town_id, moved.town_id) AS town_id, asked.id AS topup_id, moved.id AS transfer_id,
    asked.received_minor, moved.amount_minor, moved.code
FROM (
    SELECT
        topup.town_id, topup.id, topup.received_minor, step.code, step.transfer_id, step.payer, step.payee,
        NULL::uuid AS reverses
    FROM treasury.topup AS topup
    INNER JOIN parties_town AS town ON town.id = topup.town_id
    CROSS JOIN LATERAL (
        VALUES
        ('issue', topup.issue_transfer_id, town.party_id, town.party_id),
        ('topup', topup.transfer_id, town.party_id, topup.party)
    ) AS step (code, transfer_id, payer, payee)
    WHERE topup.state = 'received'
    UNION ALL
    SELECT
        topup.town_id, topup.id, back.amount_minor, step.code, step.transfer_id, step.payer, step.payee, step.reverses
    FROM treasury.topup_return AS back
    INNER JOIN treasury.topup AS topup ON topup.town_id = back.town_id AND topup.id = back.topup_id
    INNER JOIN parties_town AS town ON town.id = topup.town_id
    CROSS JOIN LATERAL (
        VALUES
        ('unissue', back.unissue_transfer_id, town.party_id, town.party_id, NULL),
        ('topup', back.transfer_id, topup.party, town.party_id, topup.transfer_id)
    ) AS step (code, transfer_id, payer, payee, reverses)
) AS asked
FULL JOIN moved ON moved.town_id = asked.town_id AND moved.id = asked.transfer_id
WHERE
    asked.id IS NULL OR moved.id IS NULL OR moved.code <> asked.code OR moved.reverses IS DISTINCT FROM asked.reverses
    OR moved.amount_minor <> asked.received_minor OR moved.reference <> 'topup:' || asked.id OR moved.fund IS NOT NULL
    OR moved.debit_holder <> asked.payer OR moved.holder <> asked.payee
UNION ALL
SELECT topup.town_id, topup.id, receipt.transfer_id, topup.received_minor, receipt.amount_minor, receipt.direction
FROM treasury.topup AS topup
INNER JOIN treasury.receipt AS receipt ON receipt.town_id = topup.town_id AND receipt.id = topup.receipt_id
WHERE receipt.amount_minor <> topup.received_minor OR receipt.fund IS NOT NULL OR receipt.direction <> 'received'
UNION ALL
SELECT back.town_id, back.topup_id, receipt.transfer_id, back.amount_minor, receipt.amount_minor, receipt.direction
FROM treasury.topup_return AS back
INNER JOIN treasury.receipt AS receipt ON receipt.town_id = back.town_id AND receipt.id = back.receipt_id
WHERE receipt.amount_minor <> back.amount_minor OR receipt.fund IS NOT NULL OR receipt.direction <> 'withdrawn'
UNION ALL
SELECT receipt.town_id, NULL, receipt.transfer_id, NULL, receipt.amount_minor, receipt.direction
FROM treasury.receipt AS receipt
LEFT JOIN treasury.topup AS topup ON topup.town_id = receipt.town_id AND topup.receipt_id = receipt.id
LEFT JOIN treasury.topup_return AS back ON back.town_id = receipt.town_id AND back.receipt_id = receipt.id
WHERE receipt.fund IS NULL AND topup.id IS NULL AND back.id IS NULL;
