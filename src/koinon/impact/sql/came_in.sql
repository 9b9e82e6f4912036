-- What came into residents' and businesses' hands in the period, by fund and by why, net of reversals.
--
-- town_id  integer
-- start    timestamptz  included
-- until    timestamptz  excluded
--
-- One row a code and fund: the code of the transfers that leave an escrow for a purse or a till
-- (disburse, topup, bonus, reward, cover). fund is NULL for free money. receivers are the distinct
-- holders who received anything, net; largest is the most that one of them did, second the next. No lock.
WITH received AS (
    SELECT
        t.code,
        t.payee_fund AS fund,
        t.payee AS holder,
        sum(t.net_minor) AS net
    FROM impact.payment AS t
    WHERE
        t.town_id = %(town_id)s
        AND t.code IN ('disburse', 'topup', 'bonus', 'reward', 'cover')
        AND t.effective_at >= %(start)s
        AND t.effective_at < %(until)s
    GROUP BY t.code, t.payee_fund, t.payee
)

SELECT
    r.code,
    r.fund,
    sum(r.net)::bigint AS minor,
    count(*) FILTER (WHERE r.net <> 0)::integer AS receivers,
    max(abs(r.net))::bigint AS largest,
    sum(abs(r.net))::bigint AS gross,
    coalesce((array_agg(abs(r.net) ORDER BY abs(r.net) DESC))[2], 0)::bigint AS second
FROM received AS r
GROUP BY r.code, r.fund
ORDER BY r.code, r.fund NULLS FIRST;
