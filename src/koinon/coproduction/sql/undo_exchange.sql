-- An exchange was a mistake.
--
-- town_id integer, id uuid, actor text, at timestamptz, reason text
UPDATE coproduction.time_exchange SET undone_by = %(actor)s, undone_at = %(at)s, reason = %(reason)s
WHERE town_id = %(town_id)s AND id = %(id)s AND undone_at IS NULL;
