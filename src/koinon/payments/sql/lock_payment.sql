-- Lock a payment until the transaction ends; whether there is one.
--
-- town_id integer, payment_id uuid
SELECT payments.lock_payment(%(town_id)s::integer, %(payment_id)s::uuid);
