-- One account by its number, if there is one. Locks nothing.
--
-- town_id integer, account bigint
SELECT id, kind, unit, holder, fund, floor_minor, ceiling_minor, debits_posted, credits_posted, debits_held,
       credits_held, opened_at, closed_at
FROM ledger.account
WHERE town_id = %(town_id)s AND id = %(account)s;
