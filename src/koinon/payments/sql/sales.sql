-- The rows of a payee's payments of a day, newest in the books first, a page at a time.
--
-- town_id integer, payee uuid, start timestamptz, until timestamptz (not included)
-- before uuid or null  the last payment shown before
-- size integer         how many at the most
--
-- Walks back from the newest row of each account at which the payee is paid, or from that payment, and ends where
-- payments.posted_since says.
WITH shown AS (
    SELECT named.first_seq
    FROM payments.groups_of(%(town_id)s::integer, ARRAY[%(before)s::uuid]) AS named
    WHERE named.leg = 0
), place AS (
    SELECT acc.id, coalesce(line.credit_prev, acc.last_seq) AS seq
    FROM ledger.account AS acc
    LEFT JOIN shown ON TRUE
    LEFT JOIN ledger.journal AS line
        ON line.town_id = acc.town_id AND line.seq = shown.first_seq AND line.credit_account = acc.id
    WHERE acc.town_id = %(town_id)s AND acc.holder = %(payee)s AND (acc.kind = 'till' OR (acc.kind = 'purse' AND acc.fund IS NULL))
), sold AS (
    SELECT DISTINCT line.seq - line.leg AS first_seq
    FROM place
    CROSS JOIN LATERAL payments.walk(
        %(town_id)s::integer, place.id, place.seq, payments.posted_since(%(town_id)s::integer, %(start)s::timestamptz),
        coalesce((SELECT shown.first_seq FROM shown), 9223372036854775807)
    ) AS line
    WHERE
        line.credit_account = place.id AND line.code = 6 AND line.kind IN ('t', 'c', 'C')
        AND line.effective_at >= %(start)s AND line.effective_at < %(until)s
    ORDER BY first_seq DESC
    LIMIT %(size)s
)
SELECT line.*
FROM payments.lines(%(town_id)s::integer, (SELECT array_agg(sold.first_seq) FROM sold)) AS line;
