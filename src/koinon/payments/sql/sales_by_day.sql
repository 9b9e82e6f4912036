-- A payee's sales and refunds by local day, newest first.
--
-- town_id integer, payee uuid, zone text (IANA), start timestamptz, until timestamptz (not included)
--
-- A refund counts on the day on which it was given. What the town covers of a sale without a network is sold as well, as a
-- shop's statement says, on the day on which it came; what the town takes back of it is given back. A sale is counted once:
-- when its card paid, or, where nobody paid any of it, when the town did. What the town takes back comes after a refund and is
-- none of its own. Walks back like sales.sql.
SELECT
    (line.effective_at AT TIME ZONE %(zone)s::text)::date AS day,
    count(DISTINCT line.seq - line.leg) FILTER (
        WHERE line.credit_account = acc.id
        AND CASE line.code
            WHEN 17 THEN ledger.paid_beside(%(town_id)s::integer, line.id, line.reference) IS NULL ELSE TRUE
        END
    ) AS payments,
    coalesce(sum(line.amount_minor) FILTER (WHERE line.credit_account = acc.id), 0)::bigint AS sold_minor,
    count(DISTINCT line.seq - line.leg) FILTER (WHERE line.debit_account = acc.id AND line.code = 6) AS refunds,
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
