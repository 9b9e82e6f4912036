-- What came into residents' and businesses' hands in the period, by fund and by why, net of reversals.
--
-- town_id  integer
-- start    timestamptz  included
-- until    timestamptz  excluded
--
-- One row a code and fund: the code of the transfers that leave an escrow for a purse or a till
-- (disburse, topup, bonus, reward, cover). fund is NULL for free money. receivers are the distinct
-- holders who received anything, net; largest is the most that one of them did. No lock.
WITH received AS (
    SELECT
        t.code,
        CASE WHEN t.kind NOT IN ('r', 'R') THEN c.fund ELSE d.fund END AS fund,
        CASE WHEN t.kind NOT IN ('r', 'R') THEN c.holder ELSE d.holder END AS holder,
        sum(CASE WHEN t.kind NOT IN ('r', 'R') THEN t.amount_minor ELSE -t.amount_minor END) AS net
    FROM ledger.transfer AS t
    INNER JOIN ledger.account AS d ON d.town_id = t.town_id AND d.id = t.debit_account
    INNER JOIN ledger.account AS c ON c.town_id = t.town_id AND c.id = t.credit_account
    WHERE
        t.town_id = %(town_id)s
        AND t.code IN ('disburse', 'topup', 'bonus', 'reward', 'cover')
        AND t.effective_at >= %(start)s
        AND t.effective_at < %(until)s
    GROUP BY t.code, 2, 3
)

SELECT
    r.code,
    r.fund,
    sum(r.net)::bigint AS minor,
    count(*) FILTER (WHERE r.net <> 0)::integer AS receivers,
    max(abs(r.net))::bigint AS largest,
    sum(abs(r.net))::bigint AS gross
FROM received AS r
GROUP BY r.code, r.fund
ORDER BY r.code, r.fund NULLS FIRST;
