-- Post one transfer that stands alone; no row where it was posted, else the one that post.sql would give.
--
-- town_id       integer
-- id            uuid         of the transfer to make: its idempotency key
-- debit, credit integer      paying and receiving account
-- amount        bigint       minor units
-- unit          text         of the amount
-- code          text         why
-- effective_at  timestamptz  when it counts
-- actor         text         who, as an opaque id
-- reference     text         what for, as an opaque id, or empty
--
-- Locks the town's month (shared), the two accounts and the id, as post.sql does.
SELECT place, outcome, account_id, available_minor, asked_minor
FROM ledger.post_one(
    %(town_id)s::integer, %(id)s::uuid, %(debit)s::integer, %(credit)s::integer, %(amount)s::bigint, %(unit)s::text,
    %(code)s::text, %(effective_at)s::timestamptz, %(actor)s::text, %(reference)s::text
);
