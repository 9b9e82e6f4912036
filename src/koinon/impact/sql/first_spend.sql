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
WITH taken_back AS (
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

given AS (
    SELECT t.credit_account AS purse, min(t.effective_at) AS given_at
    FROM ledger.transfer AS t
    LEFT JOIN taken_back AS b ON b.target_seq = t.seq
    WHERE
        t.town_id = %(town_id)s
        AND t.code = 'disburse'
        AND t.kind NOT IN ('r', 'R')
        AND t.effective_at >= %(start)s
        AND t.effective_at < %(until)s
        AND t.amount_minor > coalesce(b.minor, 0)
    GROUP BY t.credit_account
),

spent AS (
    SELECT t.debit_account AS purse, min(t.effective_at) AS spent_at
    FROM ledger.transfer AS t
    INNER JOIN given AS g ON g.purse = t.debit_account
    WHERE
        t.town_id = %(town_id)s
        AND t.code = 'pay'
        AND t.kind NOT IN ('r', 'R')
        AND t.effective_at >= %(start)s  -- Said again, so that older payments are not even joined.
        AND t.effective_at >= g.given_at
        AND t.effective_at < %(until)s
    GROUP BY t.debit_account
)

SELECT
    (s.spent_at AT TIME ZONE %(time_zone)s)::date - (g.given_at AT TIME ZONE %(time_zone)s)::date AS days,
    count(*)::integer AS purses
FROM given AS g
LEFT JOIN spent AS s ON s.purse = g.purse
GROUP BY 1
ORDER BY 1 NULLS LAST;
