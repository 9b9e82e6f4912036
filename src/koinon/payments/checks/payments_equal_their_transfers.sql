-- Invariant: a payment's amount is the sum of its transfers, all from its payer to its payee.
-- Returns the payments that break it; an empty answer is a pass.
SELECT payment.town_id, payment.id, payment.amount_minor, coalesce(sum(leg.amount_minor), 0) AS transferred_minor
FROM payments.payment AS payment
LEFT JOIN ledger.transfer AS leg ON leg.town_id = payment.town_id AND leg.group_id = payment.id
LEFT JOIN ledger.account AS payer ON payer.town_id = leg.town_id AND payer.id = leg.debit_account
LEFT JOIN ledger.account AS payee ON payee.town_id = leg.town_id AND payee.id = leg.credit_account
GROUP BY payment.town_id, payment.id, payment.amount_minor, payment.payer, payment.payee
HAVING
    coalesce(sum(leg.amount_minor), 0) <> payment.amount_minor
    OR bool_or(
        leg.code <> 'pay' OR leg.reverses IS NOT NULL
        OR payer.holder <> payment.payer OR payee.holder <> payment.payee
    );
