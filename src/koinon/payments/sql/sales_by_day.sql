-- A payee's sales and refunds by local day, newest first.
--
-- town_id integer, payee uuid, zone text (IANA), start timestamptz, end timestamptz (not included)
--
-- A refund counts on the day on which it was given.
WITH line AS (
    SELECT effective_at, amount_minor AS sold_minor, 0::bigint AS refunded_minor
    FROM payments.payment
    WHERE
        town_id = %(town_id)s AND payee = %(payee)s
        AND effective_at >= %(start)s AND effective_at < %(end)s
    UNION ALL
    SELECT refund.effective_at, 0::bigint AS sold_minor, refund.amount_minor AS refunded_minor
    FROM payments.payment AS payment
    INNER JOIN payments.refund AS refund
        ON refund.town_id = payment.town_id AND refund.payment = payment.id
    WHERE
        payment.town_id = %(town_id)s AND payment.payee = %(payee)s AND payment.refunded_minor > 0
        AND refund.effective_at >= %(start)s AND refund.effective_at < %(end)s
)
SELECT
    (effective_at AT TIME ZONE %(zone)s::text)::date AS day,
    count(*) FILTER (WHERE sold_minor > 0) AS payments,
    sum(sold_minor)::bigint AS sold_minor,
    count(*) FILTER (WHERE refunded_minor > 0) AS refunds,
    sum(refunded_minor)::bigint AS refunded_minor
FROM line
GROUP BY day
ORDER BY day DESC;
