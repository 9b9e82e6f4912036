-- What moved in a town from one instant to another, net of reversals.
--
-- town_id  integer
-- start    timestamptz  included
-- until    timestamptz  excluded, later than start
--
-- One row, in minor units. V counts payments between two different holders; a
-- reversal is taken out in the period in which it happens, from the same payer
-- and payee (on its row the two are swapped). A business is a holder of a till.
-- outstanding_micros is the integral of the units outstanding over the period, in
-- minor units times microseconds: divided by the length it is the mean, exactly.
--
-- One pass over the transfers that cross the boundary of circulation and one over
-- the period's payments. No lock: it reads what is committed.
WITH boundary AS (
    SELECT
        t.code,
        t.effective_at,
        CASE
            WHEN (t.code = 'issue') = (t.kind NOT IN ('r', 'R')) THEN t.amount_minor
            ELSE -t.amount_minor
        END AS issued_minor,
        CASE WHEN t.kind NOT IN ('r', 'R') THEN t.amount_minor ELSE -t.amount_minor END AS left_minor
    FROM ledger.transfer AS t
    WHERE
        t.town_id = %(town_id)s
        AND t.code IN ('issue', 'unissue', 'redeem', 'expire')
        AND t.effective_at < %(until)s
),

crossing AS (
    SELECT
        b.effective_at,
        CASE WHEN b.code IN ('issue', 'unissue') THEN b.issued_minor ELSE 0 END AS issued,
        CASE WHEN b.code = 'redeem' THEN b.left_minor ELSE 0 END AS redeemed,
        CASE WHEN b.code = 'expire' THEN b.left_minor ELSE 0 END AS expired
    FROM boundary AS b
),

circulation AS (
    SELECT
        coalesce(sum(c.issued) FILTER (WHERE c.effective_at >= %(start)s), 0) AS issued,
        coalesce(sum(c.redeemed) FILTER (WHERE c.effective_at >= %(start)s), 0) AS redeemed,
        coalesce(sum(c.expired) FILTER (WHERE c.effective_at >= %(start)s), 0) AS expired,
        coalesce(sum(c.issued - c.redeemed - c.expired) FILTER (WHERE c.effective_at < %(start)s), 0)
            AS outstanding_start,
        coalesce(sum(c.issued - c.redeemed - c.expired), 0) AS outstanding_end,
        coalesce(sum(
            (c.issued - c.redeemed - c.expired)
            * (extract(EPOCH FROM %(until)s - greatest(c.effective_at, %(start)s)) * 1000000)
        ), 0) AS outstanding_micros
    FROM crossing AS c
),

business AS (
    SELECT DISTINCT a.holder FROM ledger.account AS a WHERE a.town_id = %(town_id)s AND a.kind = 'till'
),

payment AS (
    SELECT
        t.payer,
        t.payee,
        sum(t.net_minor) AS net,
        -sum(t.net_minor) FILTER (WHERE t.undoes) AS refunded
    FROM impact.payment AS t
    WHERE
        t.town_id = %(town_id)s
        AND t.code = 'pay'
        AND t.effective_at >= %(start)s
        AND t.effective_at < %(until)s
        AND t.between_two
    GROUP BY t.payer, t.payee
),

paid AS (
    SELECT
        coalesce(sum(p.net), 0) AS spent,
        coalesce(sum(p.refunded), 0) AS refunded,
        coalesce(sum(p.net) FILTER (WHERE payee.holder IS NOT NULL), 0) AS business_income,
        coalesce(sum(p.net) FILTER (WHERE payer.holder IS NOT NULL), 0) AS business_spending
    FROM payment AS p
    LEFT JOIN business AS payer ON payer.holder = p.payer
    LEFT JOIN business AS payee ON payee.holder = p.payee
)

SELECT
    circulation.issued::bigint AS issued,
    paid.spent::bigint AS spent,
    paid.refunded::bigint AS refunded,
    circulation.redeemed::bigint AS redeemed,
    circulation.expired::bigint AS expired,
    paid.business_income::bigint AS business_income,
    paid.business_spending::bigint AS business_spending,
    circulation.outstanding_start::bigint AS outstanding_start,
    circulation.outstanding_end::bigint AS outstanding_end,
    circulation.outstanding_micros::numeric(60, 0) AS outstanding_micros
FROM circulation, paid;
