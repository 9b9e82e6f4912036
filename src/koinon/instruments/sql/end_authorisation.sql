-- End an authorisation for good.
--
-- town_id integer, authorisation uuid, at timestamptz, actor text
UPDATE instruments.authorisation AS a
SET ended_at = %(at)s, ended_by = %(actor)s
WHERE a.town_id = %(town_id)s AND a.id = %(authorisation)s AND a.ended_at IS NULL;
