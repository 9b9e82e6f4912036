-- Every account of a holder, oldest first. Locks nothing.
--
-- town_id integer, holder uuid
SELECT id, kind, unit, holder, fund, floor_minor, ceiling_minor, debits_posted, credits_posted, debits_held,
       credits_held, opened_at, closed_at
FROM ledger.account
WHERE town_id = %(town_id)s AND holder = %(holder)s
ORDER BY id;
