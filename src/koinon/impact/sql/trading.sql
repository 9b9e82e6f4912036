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
        t.payer,
        t.payee,
        sum(t.net_minor) AS net,
        count(DISTINCT t.group_seq) FILTER (WHERE NOT t.undoes) AS payments
    FROM impact.payment AS t
    WHERE
        t.town_id = %(town_id)s
        AND t.code = 'pay'
        AND t.effective_at >= %(start)s
        AND t.effective_at < %(until)s
        AND t.between_two
    GROUP BY t.payer, t.payee
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
