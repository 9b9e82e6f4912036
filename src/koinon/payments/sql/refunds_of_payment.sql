-- What was given back of a payment, oldest first.
--
-- town_id integer, payment_id uuid
SELECT
    refund.id, refund.town_id, refund.payment, refund.amount_minor, payment.unit, refund.key,
    refund.effective_at, refund.posted_at, refund.actor
FROM payments.refund AS refund
INNER JOIN payments.payment AS payment ON payment.town_id = refund.town_id AND payment.id = refund.payment
WHERE refund.town_id = %(town_id)s AND refund.payment = %(payment_id)s
ORDER BY refund.id;
