-- A payee's payments between two instants, newest first, a page at a time.
--
-- town_id integer, payee uuid, start timestamptz, end timestamptz (not included)
-- before_at timestamptz or null, before_id uuid or null  the last one shown before
-- size integer  how many at the most
SELECT
    id, town_id, payer, payee, amount_minor, unit, refunded_minor, key, effective_at, posted_at, actor, reference
FROM payments.payment
WHERE
    town_id = %(town_id)s
    AND payee = %(payee)s
    AND effective_at >= %(start)s
    AND effective_at < %(end)s
    AND (
        %(before_at)s::timestamptz IS NULL
        OR (effective_at, id) < (%(before_at)s::timestamptz, %(before_id)s::uuid)
    )
ORDER BY effective_at DESC, id DESC
LIMIT %(size)s;
