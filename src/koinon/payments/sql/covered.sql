-- What the town paid a payee on a day in the place of others, for sales without a network; newest in the books first.
--
-- town_id integer, payee uuid, start timestamptz, until timestamptz (not included)
-- size integer  how many at the most
--
-- Walks back like sales.sql. refunded_minor is what the town took back of it since.
SELECT
    line.id, line.effective_at, line.posted_at, line.amount_minor::bigint AS amount_minor, acc.unit,
    coalesce(back.minor, 0)::bigint AS refunded_minor, line.reference
FROM ledger.account AS acc
CROSS JOIN LATERAL payments.walk(
    %(town_id)s::integer, acc.id, acc.last_seq, payments.posted_since(%(town_id)s::integer, %(start)s::timestamptz)
) AS line
LEFT JOIN LATERAL (
    SELECT sum(reversal.amount_minor) AS minor
    FROM ledger.target AS pointing
    INNER JOIN ledger.journal AS reversal ON reversal.town_id = %(town_id)s AND reversal.seq = pointing.seq
    WHERE pointing.town_id = %(town_id)s AND pointing.target_seq = line.seq
) AS back ON TRUE
WHERE
    acc.town_id = %(town_id)s AND acc.holder = %(payee)s AND acc.kind = 'till'
    AND line.credit_account = acc.id AND line.code = 17 AND line.kind = 't'
    AND line.effective_at >= %(start)s AND line.effective_at < %(until)s
ORDER BY line.seq DESC
LIMIT %(size)s;
