-- What lies in a party's till now, bound money included, and what moved on it from an instant on, newest first.
--
-- town_id integer, party uuid, start timestamptz
--
-- One row for each transfer, and one of the balance alone where there was none; signed_minor is positive where money
-- came. group_id is the payment's, refund's or request's id; beside is the payment of the same sale, where the town covered the
-- rest of it. The walk goes back by the pointers in the rows and ends where nothing of the period can stand any more.
--
-- Balance and transfers are one statement on purpose: a sale that came between two of them would be in one alone.
WITH till AS MATERIALIZED (
    SELECT acc.id, acc.last_seq, acc.credits_posted - acc.debits_posted AS balance
    FROM ledger.account AS acc
    WHERE acc.town_id = %(town_id)s AND acc.holder = %(party)s AND acc.kind = 'till'
),

moved AS (
    SELECT
        line.seq, head.id AS group_id, line.effective_at, code.name AS code, line.kind IN ('r', 'R') AS is_reversal,
        CASE WHEN line.credit_account = till.id THEN line.amount_minor ELSE -line.amount_minor END AS signed_minor,
        line.reference,
        CASE
            WHEN line.code = 17 AND line.kind = 't' THEN ledger.paid_beside(%(town_id)s::integer, line.id, line.reference)
        END AS beside
    FROM till
    CROSS JOIN LATERAL payments.walk(
        %(town_id)s::integer, till.id, till.last_seq, payments.posted_since(%(town_id)s::integer, %(start)s::timestamptz)
    ) AS line
    INNER JOIN ledger.journal AS head ON head.town_id = %(town_id)s AND head.seq = line.seq - line.leg
    INNER JOIN ledger.code AS code ON code.number = line.code
    WHERE line.effective_at >= %(start)s
)

SELECT
    lies.balance_minor, m.seq, m.group_id, m.effective_at, m.code, m.is_reversal, m.signed_minor, m.reference, m.beside
FROM (SELECT coalesce(sum(till.balance), 0)::bigint AS balance_minor FROM till) AS lies
LEFT JOIN moved AS m ON TRUE
ORDER BY m.seq DESC;
