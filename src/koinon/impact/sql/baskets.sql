-- What purchases at each business cost in the period: those paid with money bound to a purpose, and those paid with own money.
--
-- town_id  integer
-- start    timestamptz  included
-- until    timestamptz  excluded: refunds are taken out up to here
--
-- One row a business that sold anything to residents; each list ascending, in minor units. A purchase is the group of
-- transfers it was settled by, less what was refunded of it; one refunded as a whole is none. No lock.
WITH business AS (
    SELECT DISTINCT a.holder FROM ledger.account AS a WHERE a.town_id = %(town_id)s AND a.kind = 'till'
),

refunded AS (
    SELECT g.target_seq, sum(t.amount_minor) AS minor
    FROM ledger.transfer AS t
    INNER JOIN ledger.target AS g ON g.town_id = t.town_id AND g.seq = t.seq
    WHERE
        t.town_id = %(town_id)s
        AND t.code = 'pay'
        AND t.kind IN ('r', 'R')
        AND t.effective_at >= %(start)s
        AND t.effective_at < %(until)s
    GROUP BY g.target_seq
),

purchase AS (
    SELECT
        c.holder AS shop,
        t.group_seq,
        bool_or(d.fund IS NOT NULL) AS aided,
        sum(t.amount_minor - coalesce(r.minor, 0)) AS minor
    FROM ledger.transfer AS t
    INNER JOIN ledger.account AS d ON d.town_id = t.town_id AND d.id = t.debit_account AND d.kind = 'purse'
    INNER JOIN ledger.account AS c ON c.town_id = t.town_id AND c.id = t.credit_account AND c.kind = 'till'
    LEFT JOIN refunded AS r ON r.target_seq = t.seq
    LEFT JOIN business AS b ON b.holder = d.holder
    WHERE
        t.town_id = %(town_id)s
        AND t.code = 'pay'
        AND t.kind NOT IN ('r', 'R')
        AND t.effective_at >= %(start)s
        AND t.effective_at < %(until)s
        AND b.holder IS NULL
    GROUP BY c.holder, t.group_seq
)

SELECT
    p.shop,
    coalesce(array_agg(p.minor::bigint ORDER BY p.minor) FILTER (WHERE p.aided), '{}') AS aid,
    coalesce(array_agg(p.minor::bigint ORDER BY p.minor) FILTER (WHERE NOT p.aided), '{}') AS own
FROM purchase AS p
WHERE p.minor > 0
GROUP BY p.shop
ORDER BY p.shop;
