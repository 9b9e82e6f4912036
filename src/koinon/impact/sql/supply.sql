-- What businesses took from residents, paid each other and paid residents in the period, and how many buy from another.
--
-- town_id  integer
-- start    timestamptz  included
-- until    timestamptz  excluded
--
-- One row, in minor units, net of refunds. A business is a holder of a till; links counts pairs of payer and payee
-- between which more was paid than refunded, buyers the payers among them, active the businesses that received more
-- than they gave back. No lock.
WITH business AS (
    SELECT DISTINCT a.holder FROM ledger.account AS a WHERE a.town_id = %(town_id)s AND a.kind = 'till'
),

paid AS (
    SELECT
        t.payer,
        t.payee,
        sum(t.net_minor) AS net
    FROM impact.payment AS t
    WHERE
        t.town_id = %(town_id)s
        AND t.code = 'pay'
        AND t.effective_at >= %(start)s
        AND t.effective_at < %(until)s
        AND t.between_two
    GROUP BY t.payer, t.payee
),

between_whom AS (
    SELECT p.payer, p.payee, p.net, b.holder IS NOT NULL AS sells, s.holder IS NOT NULL AS receives
    FROM paid AS p
    LEFT JOIN business AS b ON b.holder = p.payer
    LEFT JOIN business AS s ON s.holder = p.payee
),

took AS (
    SELECT w.payee FROM between_whom AS w WHERE w.receives GROUP BY w.payee HAVING sum(w.net) > 0
)

SELECT
    coalesce(sum(w.net) FILTER (WHERE w.receives AND NOT w.sells), 0)::bigint AS from_residents,
    coalesce(sum(w.net) FILTER (WHERE w.receives AND w.sells), 0)::bigint AS between_businesses,
    coalesce(sum(w.net) FILTER (WHERE w.sells AND NOT w.receives), 0)::bigint AS to_residents,
    (SELECT count(*) FROM took)::integer AS active,
    (count(DISTINCT w.payer) FILTER (WHERE w.receives AND w.sells AND w.net > 0))::integer AS buyers,
    (count(*) FILTER (WHERE w.receives AND w.sells AND w.net > 0))::integer AS links
FROM between_whom AS w;
