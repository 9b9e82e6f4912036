-- Who made up each kind of payment of each month, from the first one on: what disclosure control looks at of what follows
-- when published sums are subtracted.
--
-- town_id    integer
-- until      timestamptz  excluded
-- time_zone  text         of the town, whose calendar months count
--
-- One row a month and kind, where anything was moved, oldest first; net of refunds, which count in the month in which they
-- happen. A kind is seen from those whom it would give away:
--   spent   businesses, by what residents paid them
--   sold    businesses, by what other businesses paid them
--   bought  businesses, by what they paid other businesses
--   wages   businesses, by what they paid residents (holders without a till)
--   spending residents, by what they paid businesses
--   earned  residents, by what businesses paid them
--   gave    residents, by what they paid other residents
--   got     residents, by what other residents paid them
--   paying  whoever paid residents: businesses and residents
--   covered businesses, by what came into their tills or left them otherwise: from the town, from and to their own purses
-- No lock.
WITH business AS (
    SELECT DISTINCT a.holder FROM ledger.account AS a WHERE a.town_id = %(town_id)s AND a.kind = 'till'
),

moved AS (
    SELECT
        date_trunc('month', t.effective_at AT TIME ZONE %(time_zone)s)::date AS first_day,
        t.code = 'pay' AND t.between_two AS paid,
        t.payer,
        t.payee,
        sum(t.net_minor) AS net
    FROM impact.payment AS t
    WHERE
        t.town_id = %(town_id)s
        AND t.effective_at < %(until)s
        AND (
            (t.code = 'pay' AND (t.between_two OR t.debit_kind <> t.credit_kind))
            OR (t.code IN ('disburse', 'topup', 'bonus', 'reward', 'cover') AND 'till' IN (t.debit_kind, t.credit_kind))
        )
    GROUP BY 1, 2, t.payer, t.payee
),

told AS (
    SELECT
        m.first_day, m.paid, m.payer, m.payee, m.net,
        s.holder IS NOT NULL AS by_business, r.holder IS NOT NULL AS to_business
    FROM moved AS m
    LEFT JOIN business AS s ON s.holder = m.payer
    LEFT JOIN business AS r ON r.holder = m.payee
),

of_each AS (
    SELECT
        t.first_day, t.payee AS holder, sum(t.net) AS net,
        CASE
            WHEN NOT t.paid THEN 'covered'
            WHEN t.to_business THEN CASE WHEN t.by_business THEN 'sold' ELSE 'spent' END
            WHEN t.by_business THEN 'earned'
            ELSE 'got'
        END AS kind
    FROM told AS t
    GROUP BY t.first_day, t.payee, 4
    UNION ALL
    SELECT
        t.first_day, t.payer AS holder, sum(t.net) AS net,
        CASE
            WHEN t.by_business THEN CASE WHEN t.to_business THEN 'bought' ELSE 'wages' END
            WHEN t.to_business THEN 'spending'
            ELSE 'gave'
        END AS kind
    FROM told AS t
    WHERE t.paid
    GROUP BY t.first_day, t.payer, 4
    UNION ALL
    SELECT t.first_day, t.payer AS holder, sum(t.net) AS net, 'paying' AS kind
    FROM told AS t
    WHERE t.paid AND NOT t.to_business
    GROUP BY t.first_day, t.payer
)

SELECT
    e.first_day,
    e.kind,
    count(*)::integer AS holders,
    sum(e.net)::bigint AS amount,
    sum(abs(e.net))::bigint AS gross,
    max(abs(e.net))::bigint AS largest,
    coalesce((array_agg(abs(e.net) ORDER BY abs(e.net) DESC))[2], 0)::bigint AS second
FROM of_each AS e
WHERE e.net <> 0
GROUP BY e.first_day, e.kind
ORDER BY e.first_day, e.kind;
