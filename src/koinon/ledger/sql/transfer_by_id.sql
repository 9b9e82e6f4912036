-- One transfer, if it was posted. Locks nothing.
--
-- town_id integer, transfer_id uuid
--
-- An id that tells its time is looked for in the months since then only.
SELECT town_id, seq, id, debit_account, credit_account, amount_minor, code, kind, leg, legs, group_seq, effective_at,
       posted_at, actor, reference, reverses, hold_id
FROM ledger.transfer
WHERE town_id = %(town_id)s AND id = %(transfer_id)s
  AND seq >= ledger.oldest_seq(%(town_id)s, ARRAY[%(transfer_id)s::uuid]);
