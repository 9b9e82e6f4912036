-- Who paid from a fund's purses and who from free money in each month, from the first one on: what disclosure control looks at
-- of what is unspent. What was spent of all funds to date, less the same of a month before, is what was spent of them in the
-- month; what residents paid, less it, is what they paid from free money.
--
-- town_id    integer
-- until      timestamptz  excluded
-- time_zone  text         of the town, whose calendar months count
--
-- One row a month and kind ("bound" from purses of a fund, "own" from free ones of residents, who have no till), where
-- anything was paid, oldest first; net of refunds, which count in the month in which they happen. No lock.
WITH paid AS (
    SELECT
        date_trunc('month', t.effective_at AT TIME ZONE %(time_zone)s)::date AS first_day,
        CASE WHEN a.fund IS NULL THEN 'own' ELSE 'bound' END AS kind,
        a.holder,
        sum(CASE WHEN t.kind NOT IN ('r', 'R') THEN t.amount_minor ELSE -t.amount_minor END) AS net
    FROM ledger.transfer AS t
    INNER JOIN ledger.account AS a
        ON a.town_id = t.town_id
        AND a.id = CASE WHEN t.kind NOT IN ('r', 'R') THEN t.debit_account ELSE t.credit_account END
    WHERE
        t.town_id = %(town_id)s
        AND t.code = 'pay'
        AND t.effective_at < %(until)s
        AND a.kind = 'purse'
        AND NOT EXISTS (
            SELECT FROM ledger.account AS b WHERE b.town_id = a.town_id AND b.holder = a.holder AND b.kind = 'till'
        )
    GROUP BY 1, 2, a.holder
)

SELECT
    p.first_day,
    p.kind,
    count(*)::integer AS holders,
    sum(p.net)::bigint AS amount,
    sum(abs(p.net))::bigint AS gross,
    max(abs(p.net))::bigint AS largest,
    coalesce((array_agg(abs(p.net) ORDER BY abs(p.net) DESC))[2], 0)::bigint AS second
FROM paid AS p
WHERE p.net <> 0
GROUP BY p.first_day, p.kind
ORDER BY p.first_day, p.kind;
