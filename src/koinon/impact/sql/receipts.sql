-- What each business of the town received in the period, net of refunds, with where and what it is.
--
-- town_id  integer
-- start    timestamptz  included
-- until    timestamptz  excluded
--
-- One row for each holder of a till, those without receipts included. payments
-- counts purchases, not the transfers they were settled by (a group is one); payers
-- counts the holders whose payments were not wholly refunded in the period.
-- zone is NULL where the record names none. No lock.
WITH business AS (
    SELECT DISTINCT a.holder FROM ledger.account AS a WHERE a.town_id = %(town_id)s AND a.kind = 'till'
),

from_payer AS (
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
),

received AS (
    SELECT
        f.payee, sum(f.net) AS net, sum(f.payments) AS payments, count(*) FILTER (WHERE f.net > 0) AS payers
    FROM from_payer AS f
    GROUP BY f.payee
)

SELECT
    b.holder,
    z.code AS zone,
    coalesce(o.is_sse, false) AS is_sse,
    coalesce(r.net, 0)::bigint AS receipts_minor,
    coalesce(r.payments, 0)::integer AS payments,
    coalesce(r.payers, 0)::integer AS payers
FROM business AS b
LEFT JOIN received AS r ON r.payee = b.holder
LEFT JOIN parties_organisation AS o ON o.party_id = b.holder
LEFT JOIN parties_zone AS z ON z.id = o.zone_id
ORDER BY b.holder;
