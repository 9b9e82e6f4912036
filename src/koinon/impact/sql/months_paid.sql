-- What each month's payments were made of, from the first one on: what disclosure control looks at of a whole town.
--
-- town_id    integer
-- until      timestamptz  excluded
-- time_zone  text         of the town, whose calendar months count
--
-- One row a month in which anything was paid, oldest first. shops, amount, gross, largest and second (the next largest)
-- are of what businesses received, and payers those who paid them; people, people_gross, people_largest and
-- people_second of what residents (holders without a till) were paid by others. Net of refunds, which count in the month in which they happen. No lock.
WITH business AS (
    SELECT DISTINCT a.holder FROM ledger.account AS a WHERE a.town_id = %(town_id)s AND a.kind = 'till'
),

paid AS (
    SELECT
        date_trunc('month', t.effective_at AT TIME ZONE %(time_zone)s)::date AS month,
        t.payer,
        t.payee,
        sum(t.net_minor) AS net
    FROM impact.payment AS t
    WHERE t.town_id = %(town_id)s AND t.code = 'pay' AND t.effective_at < %(until)s AND t.between_two
    GROUP BY 1, t.payer, t.payee
),

received AS (
    SELECT p.month, p.payee, b.holder IS NOT NULL AS by_business, sum(p.net) AS net
    FROM paid AS p
    LEFT JOIN business AS b ON b.holder = p.payee
    GROUP BY p.month, p.payee, b.holder
),

payers AS (
    SELECT p.month, count(DISTINCT p.payer) AS payers
    FROM paid AS p
    INNER JOIN business AS b ON b.holder = p.payee
    WHERE p.net > 0
    GROUP BY p.month
)

SELECT
    r.month AS first_day,
    count(*) FILTER (WHERE r.by_business AND r.net <> 0)::integer AS shops,
    coalesce(max(y.payers), 0)::integer AS payers,
    coalesce(sum(r.net) FILTER (WHERE r.by_business), 0)::bigint AS amount,
    coalesce(sum(abs(r.net)) FILTER (WHERE r.by_business), 0)::bigint AS gross,
    coalesce(max(abs(r.net)) FILTER (WHERE r.by_business), 0)::bigint AS largest,
    coalesce((array_agg(abs(r.net) ORDER BY abs(r.net) DESC) FILTER (WHERE r.by_business))[2], 0)::bigint AS second,
    count(*) FILTER (WHERE NOT r.by_business AND r.net <> 0)::integer AS people,
    coalesce(sum(r.net) FILTER (WHERE NOT r.by_business), 0)::bigint AS people_amount,
    coalesce(sum(abs(r.net)) FILTER (WHERE NOT r.by_business), 0)::bigint AS people_gross,
    coalesce(max(abs(r.net)) FILTER (WHERE NOT r.by_business), 0)::bigint AS people_largest,
    coalesce((array_agg(abs(r.net) ORDER BY abs(r.net) DESC) FILTER (WHERE NOT r.by_business))[2], 0)::bigint
        AS people_second
FROM received AS r
LEFT JOIN payers AS y ON y.month = r.month
GROUP BY r.month
ORDER BY r.month;
