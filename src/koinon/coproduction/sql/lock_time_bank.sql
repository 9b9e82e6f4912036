-- Lock a time bank until the transaction ends: members get their numbers one after another.
--
-- town_id integer, bank_id uuid
SELECT id FROM coproduction.time_bank
WHERE town_id = %(town_id)s AND id = %(bank_id)s
FOR NO KEY UPDATE;
