-- End an occasion before its time. Touches no row where it was ended.
--
-- town_id integer, id uuid, closed_by text, closed_at timestamptz
UPDATE coproduction.occasion SET closed_by = %(closed_by)s, closed_at = %(closed_at)s
WHERE town_id = %(town_id)s AND id = %(id)s AND closed_at IS NULL;
