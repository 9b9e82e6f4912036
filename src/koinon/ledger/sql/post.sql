-- Post a batch of requests; a row for each that was not simply posted, in order.
--
-- town_id  integer
-- The others are arrays of one length, the place in them being the order of the batch; from kind on they may
-- also have one element, which then stands for every request.
-- id            uuid[]         of the transfer, hold, capture, release or reversal to make: its idempotency key
-- debit, credit integer[]      paying and receiving account; NULL but for kinds 1 and 2
-- amount        bigint[]       minor units; NULL in 4, in 3 for all of the hold, in 5 for all that is left
-- kind          smallint[]     1 transfer, 2 hold, 3 capture, 4 release, 5 reversal
-- unit          text[]         of the amount; NULL where the amount is
-- code          text[]         why; NULL but for 1 and 2
-- target        uuid[]         the hold of 3 and 4, the original of 5, else NULL
-- group         integer[]      place (from 1) of the first request of the group; '{0}' where each stands alone
-- effective_at  timestamptz[]  when it counts
-- lapses_at     timestamptz[]  when a hold ends by itself; NULL but for 2
-- actor         text[]         who, as an opaque id
-- reference     text[]         what for, as an opaque id, or empty
--
-- outcome is replayed or a refusal's code without "ledger."; account_id, available_minor and asked_minor say
-- what a refused request met.
--
-- Locks the town's month (shared), holds, accounts and ids, each in order; ledger.post says why in 0002_posting.sql.
SELECT place, outcome, account_id, available_minor, asked_minor
FROM ledger.post(
    %(town_id)s::integer, %(id)s, %(debit)s, %(credit)s, %(amount)s, %(kind)s, %(unit)s, %(code)s, %(target)s,
    %(group)s, %(effective_at)s, %(lapses_at)s, %(actor)s, %(reference)s
);
