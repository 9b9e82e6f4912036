-- The next free number of a time bank, whose row is locked.
--
-- town_id integer, bank_id uuid
SELECT coalesce(max(number), 0) + 1 FROM coproduction.time_bank_member
WHERE town_id = %(town_id)s AND bank_id = %(bank_id)s;
