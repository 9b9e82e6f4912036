-- Every account of one kind in a town, lowest number first. Locks nothing.
--
-- town_id integer, kind text
SELECT id, kind, unit, holder, fund, floor_minor, ceiling_minor, debits_posted, credits_posted, debits_held,
       credits_held, opened_at, closed_at
FROM ledger.account
WHERE town_id = %(town_id)s AND kind = %(kind)s
ORDER BY id;
