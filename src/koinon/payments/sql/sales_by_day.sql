-- A payee's sales and refunds by local day, newest first.
--
-- town_id integer, payee uuid, zone text (IANA), start timestamptz, until timestamptz (not included)
--
-- A refund counts on the day on which it was given. What the town covers of a sale without a network is sold as well, as a
-- shop's statement says: with what its card paid it is one payment, where both came on one day; what the town takes back
-- of it is given back. Walks back like sales.sql.
SELECT
    (line.effective_at AT TIME ZONE %(zone)s::text)::date AS day,
    count(DISTINCT CASE WHEN starts_with(line.reference, 'voucher:') THEN line.reference ELSE (line.seq - line.leg)::text END)
        FILTER (WHERE line.credit_account = acc.id) AS payments,
    coalesce(sum(line.amount_minor) FILTER (WHERE line.credit_account = acc.id), 0)::bigint AS sold_minor,
    count(DISTINCT line.seq - line.leg) FILTER (WHERE line.debit_account = acc.id) AS refunds,
    coalesce(sum(line.amount_minor) FILTER (WHERE line.debit_account = acc.id), 0)::bigint AS refunded_minor
FROM ledger.account AS acc
CROSS JOIN LATERAL payments.walk(
    %(town_id)s::integer, acc.id, acc.last_seq, payments.posted_since(%(town_id)s::integer, %(start)s::timestamptz)
) AS line
WHERE
    acc.town_id = %(town_id)s AND acc.holder = %(payee)s AND (acc.kind = 'till' OR (acc.kind = 'purse' AND acc.fund IS NULL))
    AND line.code IN (6, 17)
    AND (line.credit_account = acc.id) = (line.kind IN ('t', 'c', 'C'))
    AND line.effective_at >= %(start)s AND line.effective_at < %(until)s
GROUP BY day
ORDER BY day DESC;
