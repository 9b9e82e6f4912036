-- Who paid whom in a period among a town's businesses, and with its residents together, net of refunds.
--
-- town_id  integer
-- start    timestamptz  included
-- until    timestamptz  excluded
--
-- One row for each pair of whom something is left after refunds: payer and payee are businesses, NULL is all residents.
-- payments counts purchases, not the transfers they were settled by; people counts the different residents, 1 between
-- businesses. A business is a holder of a till. No lock.
WITH business AS (
    SELECT DISTINCT a.holder FROM ledger.account AS a WHERE a.town_id = %(town_id)s AND a.kind = 'till'
),

paid AS (
    SELECT
        CASE WHEN t.kind NOT IN ('r', 'R') THEN d.holder ELSE c.holder END AS payer,
        CASE WHEN t.kind NOT IN ('r', 'R') THEN c.holder ELSE d.holder END AS payee,
        sum(CASE WHEN t.kind NOT IN ('r', 'R') THEN t.amount_minor ELSE -t.amount_minor END) AS net,
        count(DISTINCT t.group_seq) FILTER (WHERE t.kind NOT IN ('r', 'R')) AS payments
    FROM ledger.transfer AS t
    INNER JOIN ledger.account AS d ON d.town_id = t.town_id AND d.id = t.debit_account
    INNER JOIN ledger.account AS c ON c.town_id = t.town_id AND c.id = t.credit_account
    WHERE
        t.town_id = %(town_id)s
        AND t.code = 'pay'
        AND t.effective_at >= %(start)s
        AND t.effective_at < %(until)s
        AND d.holder <> c.holder
    GROUP BY 1, 2
)

SELECT
    payer.holder AS payer, payee.holder AS payee,
    sum(p.net)::bigint AS minor, sum(p.payments)::integer AS payments, count(*)::integer AS people
FROM paid AS p
LEFT JOIN business AS payer ON payer.holder = p.payer
LEFT JOIN business AS payee ON payee.holder = p.payee
WHERE p.net > 0
GROUP BY payer.holder, payee.holder
ORDER BY payer.holder NULLS FIRST, payee.holder NULLS FIRST;
