-- Say that a request is not to be paid any more.
--
-- town_id integer, id uuid, at timestamptz, actor text
UPDATE payments.request AS r SET withdrawn_at = %(at)s, withdrawn_by = %(actor)s
WHERE r.town_id = %(town_id)s AND r.id = %(id)s AND r.withdrawn_at IS NULL;
