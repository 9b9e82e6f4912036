-- Post a batch of requests; one row for each, in order.
--
-- town_id  integer
-- The others are arrays of one length; the place in them is the order of the batch.
-- kind          smallint[]     1 transfer, 2 hold, 3 capture, 4 release, 5 reversal
-- id            uuid[]         of the transfer or hold to make
-- key           text[]         idempotency key, unique in the town
-- debit, credit bigint[]       paying and receiving account; NULL but for 1 and 2
-- amount        bigint[]       minor units; NULL in 4, in 3 for all of the hold, in 5 for all that is left
-- unit          text[]         of the amount; NULL where the amount is
-- code          text[]         why; NULL but for 1 and 2
-- target        uuid[]         the hold of 3 and 4, the original of 5, else NULL
-- group         uuid[]         neighbours with one group post wholly or not at all; NULL for none
-- effective_at  timestamptz[]  when it counts
-- lapses_at     timestamptz[]  when a hold ends by itself; NULL but for 2
-- actor         text[]         who, as an opaque id
-- reference     text[]         what for, as an opaque id, or empty
--
-- outcome is posted, replayed or a refusal's code without "ledger."; result the id of what stands in
-- the books; account_id, available_minor and asked_minor what a refused request met.
--
-- Locks holds, accounts and keys, each in order; ledger.post says why in 0002_posting.sql.
SELECT place, outcome, result, account_id, available_minor, asked_minor
FROM ledger.post(
    %(town_id)s::integer, %(kind)s::smallint[], %(id)s::uuid[], %(key)s::text[], %(debit)s::bigint[],
    %(credit)s::bigint[], %(amount)s::bigint[], %(unit)s::text[], %(code)s::text[], %(target)s::uuid[],
    %(group)s::uuid[], %(effective_at)s::timestamptz[], %(lapses_at)s::timestamptz[], %(actor)s::text[],
    %(reference)s::text[]
);
