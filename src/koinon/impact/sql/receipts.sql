-- What each business of the town received in the period and what it did with it, net of refunds, with where and what it is.
--
-- town_id  integer
-- start    timestamptz  included
-- until    timestamptz  excluded
--
-- One row for each holder of a till, those without receipts included. receipts_minor is from residents
-- (holders without a till) and from other businesses together; what moves between a business's own accounts counts
-- nowhere. payments counts purchases, not the transfers they were settled by (a group is one); payers counts the
-- holders whose payments were not wholly refunded in the period, residents_paid the residents it paid. A refund
-- is taken out in the period in which it happens. zone is NULL where the record names none. No lock.
WITH business AS (
    SELECT DISTINCT a.holder FROM ledger.account AS a WHERE a.town_id = %(town_id)s AND a.kind = 'till'
),

moved AS (
    SELECT
        t.code,
        t.payer,
        t.payee,
        sum(t.net_minor) AS net,
        count(DISTINCT t.group_seq) FILTER (WHERE NOT t.undoes) AS payments
    FROM impact.payment AS t
    WHERE
        t.town_id = %(town_id)s
        AND t.code IN ('pay', 'redeem')
        AND t.effective_at >= %(start)s
        AND t.effective_at < %(until)s
        AND t.between_two
    GROUP BY t.code, t.payer, t.payee
),

took AS (
    SELECT
        m.payee,
        sum(m.net) AS net,
        sum(m.net) FILTER (WHERE b.holder IS NOT NULL) AS from_businesses,
        sum(m.payments) AS payments,
        count(*) FILTER (WHERE m.net > 0) AS payers
    FROM moved AS m
    LEFT JOIN business AS b ON b.holder = m.payer
    WHERE m.code = 'pay'
    GROUP BY m.payee
),

gave AS (
    SELECT
        m.payer,
        sum(m.net) FILTER (WHERE m.code = 'pay' AND b.holder IS NULL) AS to_residents,
        sum(m.net) FILTER (WHERE m.code = 'pay' AND b.holder IS NOT NULL) AS to_businesses,
        sum(m.net) FILTER (WHERE m.code = 'redeem') AS redeemed,
        count(*) FILTER (WHERE m.code = 'pay' AND b.holder IS NULL AND m.net > 0) AS residents_paid
    FROM moved AS m
    LEFT JOIN business AS b ON b.holder = m.payee
    GROUP BY m.payer
)

SELECT
    b.holder,
    z.code AS zone,
    coalesce(o.is_sse, false) AS is_sse,
    coalesce(t.net, 0)::bigint AS receipts_minor,
    coalesce(t.payments, 0)::integer AS payments,
    coalesce(t.payers, 0)::integer AS payers,
    coalesce(t.from_businesses, 0)::bigint AS from_businesses,
    coalesce(g.to_businesses, 0)::bigint AS to_businesses,
    coalesce(g.to_residents, 0)::bigint AS to_residents,
    coalesce(g.residents_paid, 0)::integer AS residents_paid,
    coalesce(g.redeemed, 0)::bigint AS redeemed
FROM business AS b
LEFT JOIN took AS t ON t.payee = b.holder
LEFT JOIN gave AS g ON g.payer = b.holder
LEFT JOIN parties_organisation AS o ON o.party_id = b.holder
LEFT JOIN parties_zone AS z ON z.id = o.zone_id
ORDER BY b.holder;
