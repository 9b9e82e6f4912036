-- Invariant: every transfer that pays belongs to a payment, and every reversal of one to a refund of that payment.
-- Returns the transfers that break it; an empty answer is a pass. Amounts and parties are compared by payments_equal_their_transfers.
SELECT transfer.town_id, transfer.id AS transfer_id, transfer.group_id, transfer.amount_minor, transfer.reverses
FROM ledger.transfer AS transfer
LEFT JOIN ledger.transfer AS original ON original.town_id = transfer.town_id AND original.id = transfer.reverses
LEFT JOIN payments.payment AS payment
    ON payment.town_id = transfer.town_id AND payment.id = transfer.group_id AND transfer.reverses IS NULL
LEFT JOIN payments.refund AS refund
    ON refund.town_id = transfer.town_id AND refund.id = transfer.group_id AND refund.payment = original.group_id
WHERE transfer.code = 'pay' AND payment.id IS NULL AND refund.id IS NULL;
