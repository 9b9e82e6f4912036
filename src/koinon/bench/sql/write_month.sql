-- Rows of one month, as towns that share an installation post them: in turns, one after the other.
--
-- month   integer  since January 1970
-- rows    integer  how many, of all towns together
-- towns   integer  numbered from 1; each has purses 1 to 5000 and tills from 1000000001 on
--
-- Two in a hundred name a day two days before they were posted, as what tills accepted without a network does, and one in
-- a thousand a day a hundred days before. Balances stay as they are: these books are only read.
INSERT INTO ledger.journal (
    seq, amount_minor, effective_at, posted_at, debit_prev, credit_prev, town_id, debit_account, credit_account, actor, code,
    leg, legs, kind, id, reference
)
SELECT
    (%(month)s::bigint << 50) | (nextval('ledger.batch_number') << 16),
    1 + row.number %% 5000,
    posted.at - CASE
        WHEN row.number %% 1000 = 7 THEN interval '100 days'
        WHEN row.number %% 50 = 3 THEN interval '2 days'
        ELSE interval '0'
    END,
    posted.at, 0, 0, 1 + row.number %% %(towns)s, 1 + (row.number::bigint * 7919) %% 5000,
    1000000001 + (row.number::bigint * 31) %% 200, 1, 6, 0, 1, 't',
    (
        lpad(to_hex((extract(EPOCH FROM posted.at) * 1000)::bigint), 12, '0') || '7' || substr(md5(row.number::text), 1, 3)
        || '8' || substr(md5(row.number::text), 4, 15)
    )::uuid,
    ''
FROM generate_series(1, %(rows)s) AS row (number)
CROSS JOIN LATERAL (
    SELECT
        timestamptz '1970-01-01 00:00Z' + make_interval(months => %(month)s)
        + row.number * (interval '27 days' / %(rows)s) AS at
) AS posted;
