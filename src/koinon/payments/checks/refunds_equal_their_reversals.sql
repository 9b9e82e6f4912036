-- Invariant: what a payment says was refunded is the sum of its refunds and of the reversals of its transfers.
-- Returns the payments that break it; an empty answer is a pass.
SELECT
    payment.town_id, payment.id, payment.refunded_minor, refunds.minor AS refunds_minor,
    reversals.minor AS reversals_minor
FROM payments.payment AS payment
CROSS JOIN LATERAL (
    SELECT coalesce(sum(refund.amount_minor), 0) AS minor
    FROM payments.refund AS refund
    WHERE refund.town_id = payment.town_id AND refund.payment = payment.id
) AS refunds
CROSS JOIN LATERAL (
    SELECT coalesce(sum(back.amount_minor), 0) AS minor
    FROM ledger.transfer AS leg
    INNER JOIN ledger.transfer AS back ON back.town_id = leg.town_id AND back.reverses = leg.id
    WHERE leg.town_id = payment.town_id AND leg.group_id = payment.id
) AS reversals
WHERE payment.refunded_minor <> refunds.minor OR payment.refunded_minor <> reversals.minor;
