-- A member leaves. Touches no row where they had left.
--
-- town_id integer, bank_id uuid, party uuid, left_by text, left_at timestamptz
UPDATE coproduction.time_bank_member SET left_by = %(left_by)s, left_at = %(left_at)s
WHERE town_id = %(town_id)s AND bank_id = %(bank_id)s AND party = %(party)s AND left_at IS NULL;
