-- One payment, by its id or by its key.
--
-- town_id integer, payment_id uuid or null, key text or null
SELECT
    id, town_id, payer, payee, amount_minor, unit, refunded_minor, key, effective_at, posted_at, actor, reference
FROM payments.payment
WHERE town_id = %(town_id)s AND (id = %(payment_id)s::uuid OR key = %(key)s::text);
