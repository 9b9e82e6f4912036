-- How many purses waited how many local days from their first disbursement in the period to their first payment.
--
-- town_id    integer
-- start      timestamptz  included
-- until      timestamptz  excluded: disbursements and payments are looked for up to here
-- time_zone  text         the town's, by which days begin
--
-- One row a number of days; NULL for the purses that have not paid yet. A
-- disbursement of which nothing is left after its reversals does not count; a
-- refund that returns to the purse is not a payment out of it. No lock.
--
-- What came to a purse and what it paid are put in one order rather than joined: one sort,
-- whatever the planner believes about how many there are.
WITH taken_back AS MATERIALIZED (
    SELECT g.target_seq, sum(t.amount_minor) AS minor
    FROM ledger.transfer AS t
    INNER JOIN ledger.target AS g ON g.town_id = t.town_id AND g.seq = t.seq
    WHERE
        t.town_id = %(town_id)s
        AND t.code = 'disburse'
        AND t.kind IN ('r', 'R')
        AND t.effective_at < %(until)s
    GROUP BY g.target_seq
),

moved AS (
    SELECT t.credit_account AS purse, t.effective_at AS given_at, NULL::timestamptz AS spent_at
    FROM ledger.transfer AS t
    LEFT JOIN taken_back AS b ON b.target_seq = t.seq
    WHERE
        t.town_id = %(town_id)s
        AND t.code = 'disburse'
        AND t.kind NOT IN ('r', 'R')
        AND t.effective_at >= %(start)s
        AND t.effective_at < %(until)s
        AND t.amount_minor > coalesce(b.minor, 0)
    UNION ALL
    SELECT t.debit_account AS purse, NULL::timestamptz AS given_at, t.effective_at AS spent_at
    FROM ledger.transfer AS t
    WHERE
        t.town_id = %(town_id)s
        AND t.code = 'pay'
        AND t.kind NOT IN ('r', 'R')
        AND t.effective_at >= %(start)s
        AND t.effective_at < %(until)s
),

timed AS (
    SELECT m.purse, min(m.given_at) OVER (PARTITION BY m.purse) AS given_at, m.spent_at
    FROM moved AS m
),

waited AS (
    SELECT t.given_at, min(t.spent_at) FILTER (WHERE t.spent_at >= t.given_at) AS spent_at
    FROM timed AS t
    WHERE t.given_at IS NOT NULL
    GROUP BY t.purse, t.given_at
)

SELECT
    (w.spent_at AT TIME ZONE %(time_zone)s)::date - (w.given_at AT TIME ZONE %(time_zone)s)::date AS days,
    count(*)::integer AS purses
FROM waited AS w
GROUP BY 1
ORDER BY 1 NULLS LAST;
