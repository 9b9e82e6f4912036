-- Close a complaint, or open it again.
--
-- town_id integer, complaint uuid, state text, outcome text, closed_at timestamptz, closed_by text
UPDATE casework.complaint AS c
SET state = %(state)s, outcome = %(outcome)s, closed_at = %(closed_at)s, closed_by = %(closed_by)s
WHERE c.town_id = %(town_id)s AND c.id = %(complaint)s;
