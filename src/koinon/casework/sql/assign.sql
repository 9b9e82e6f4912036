-- Say who answers a complaint.
--
-- town_id integer, complaint uuid, assigned_to text
UPDATE casework.complaint AS c SET assigned_to = %(assigned_to)s
WHERE c.town_id = %(town_id)s AND c.id = %(complaint)s;
