-- The transfers that a block covers, in their sealed order. Locks nothing.
--
-- town_id integer, tx_from bigint, tx_to bigint (not included)
SELECT town_id, id, debit_account, credit_account, amount_minor, code, key, group_id, effective_at, posted_at, actor,
       reference, reverses, hold_id
FROM ledger.transfer
WHERE town_id = %(town_id)s AND tx >= %(tx_from)s AND tx < %(tx_to)s
ORDER BY id;
