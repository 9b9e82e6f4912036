-- Write down a payment whose transfers were posted.
--
-- town_id integer, id uuid, payer uuid, payee uuid, amount_minor bigint, unit text, key text,
-- effective_at timestamptz, actor text, reference text
INSERT INTO payments.payment (
    town_id, id, payer, payee, amount_minor, unit, key, effective_at, actor, reference
)
VALUES (
    %(town_id)s, %(id)s, %(payer)s, %(payee)s, %(amount_minor)s, %(unit)s, %(key)s,
    %(effective_at)s, %(actor)s, %(reference)s
)
RETURNING
    id, town_id, payer, payee, amount_minor, unit, refunded_minor, key, effective_at, posted_at, actor, reference;
