-- The account of a holder for one purpose, if it was opened. Locks nothing.
--
-- town_id integer, kind text, holder uuid, fund uuid or null (the free fund)
SELECT id, kind, unit, holder, fund, floor_minor, ceiling_minor, debits_posted, credits_posted, debits_held,
       credits_held, opened_at, closed_at
FROM ledger.account
WHERE town_id = %(town_id)s AND kind = %(kind)s AND holder = %(holder)s
  AND fund IS NOT DISTINCT FROM %(fund)s::uuid;
