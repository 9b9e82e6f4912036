-- Open accounts, or find those that serve the same purpose already; ids in the order asked.
--
-- town_id  integer
-- In parallel, one place for each account:
-- kind     text[]    of the account: purse, till, ...
-- unit     text[]    its unit
-- holder   uuid[]    the party or programme it belongs to
-- fund     uuid[]    NULL for an account without one
-- floor    bigint[]  lowest balance in minor units; NULL for none
-- ceiling  bigint[]  highest balance in minor units; NULL for none
-- at       timestamptz, actor text  when and by whom the new ones are opened
--
-- opened is false for an account that was there; its floor and ceiling stay as they are.
--
-- Locks no account that was there; ledger.open_accounts is in 0002_posting.sql.
SELECT place, id, opened
FROM ledger.open_accounts(
    %(town_id)s::integer, %(kind)s::text[], %(unit)s::text[], %(holder)s::uuid[], %(fund)s::uuid[],
    %(floor)s::bigint[], %(ceiling)s::bigint[], %(at)s::timestamptz, %(actor)s::text
);
