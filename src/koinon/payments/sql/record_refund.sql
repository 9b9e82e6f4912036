-- Write down a refund whose reversals were posted.
--
-- town_id integer, id uuid, payment_id uuid, amount_minor bigint, key text, effective_at timestamptz, actor text
SELECT payments.record_refund(
    %(town_id)s::integer, %(id)s::uuid, %(payment_id)s::uuid, %(amount_minor)s::bigint, %(key)s::text,
    %(effective_at)s::timestamptz, %(actor)s::text
);
