-- The transfers that posted together under one group, in order. Locks nothing.
--
-- town_id integer, group_id uuid
SELECT town_id, id, debit_account, credit_account, amount_minor, code, key, group_id, effective_at, posted_at, actor,
       reference, reverses, hold_id
FROM ledger.transfer
WHERE town_id = %(town_id)s AND group_id = %(group_id)s
ORDER BY id;
