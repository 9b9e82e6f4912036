-- What moved on a party's till from an instant on, newest first.
--
-- town_id integer, party uuid, start timestamptz
--
-- One row for each transfer; signed_minor is positive where money came. group_id is the payment's, refund's or
-- request's id. The walk goes back by the pointers in the rows and ends where nothing of the period can stand any more.
SELECT
    line.seq, head.id AS group_id, line.effective_at, code.name AS code, line.kind IN ('r', 'R') AS is_reversal,
    CASE WHEN line.credit_account = acc.id THEN line.amount_minor ELSE -line.amount_minor END AS signed_minor,
    line.reference
FROM ledger.account AS acc
CROSS JOIN LATERAL payments.walk(
    %(town_id)s::integer, acc.id, acc.last_seq, payments.posted_since(%(town_id)s::integer, %(start)s::timestamptz)
) AS line
INNER JOIN ledger.journal AS head ON head.town_id = %(town_id)s AND head.seq = line.seq - line.leg
INNER JOIN ledger.code AS code ON code.number = line.code
WHERE acc.town_id = %(town_id)s AND acc.holder = %(party)s AND acc.kind = 'till' AND line.effective_at >= %(start)s
ORDER BY line.seq DESC;
