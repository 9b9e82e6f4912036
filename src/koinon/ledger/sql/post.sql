-- Post a batch of requests; one row for each, in order. ledger.post explains itself in 0002_posting.sql.
SELECT place, outcome, result, account_id, available_minor, asked_minor
FROM ledger.post(
    %(town_id)s::integer, %(kind)s::smallint[], %(id)s::uuid[], %(key)s::text[], %(debit)s::bigint[],
    %(credit)s::bigint[], %(amount)s::bigint[], %(unit)s::text[], %(code)s::text[], %(target)s::uuid[],
    %(group)s::uuid[], %(effective_at)s::timestamptz[], %(lapses_at)s::timestamptz[], %(actor)s::text[],
    %(reference)s::text[]
);
