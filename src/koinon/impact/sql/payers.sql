-- How many different holders paid the businesses of each cell of the published tables in the period.
--
-- town_id  integer
-- start    timestamptz  included
-- until    timestamptz  excluded
--
-- One row a cell: cells "all", "zone" (code, NULL outside the zones) and "sse"
-- (code sse or other). A holder counts where what it paid in the cell was not
-- wholly refunded in the period. No lock.
WITH business AS (
    SELECT DISTINCT ON (a.holder)
        a.holder,
        z.code AS zone,
        CASE WHEN o.is_sse THEN 'sse' ELSE 'other' END AS sse
    FROM ledger.account AS a
    LEFT JOIN parties_organisation AS o ON o.party_id = a.holder
    LEFT JOIN parties_zone AS z ON z.id = o.zone_id
    WHERE a.town_id = %(town_id)s AND a.kind = 'till'
),

from_payer AS (
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
)

SELECT
    CASE WHEN grouping(b.zone) = 0 THEN 'zone' WHEN grouping(b.sse) = 0 THEN 'sse' ELSE 'all' END AS cells,
    CASE WHEN grouping(b.zone) = 0 THEN b.zone WHEN grouping(b.sse) = 0 THEN b.sse END AS code,
    count(DISTINCT f.payer)::integer AS payers
FROM from_payer AS f
INNER JOIN business AS b ON b.holder = f.payee
WHERE f.net > 0
GROUP BY GROUPING SETS ((b.zone), (b.sse), ());
