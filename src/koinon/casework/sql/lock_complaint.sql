-- Lock a complaint until the transaction ends, and say how it stands.
--
-- town_id integer, complaint uuid
SELECT
    c.id, 'C-' || c.year || '-' || lpad(c.place::text, 4, '0') AS number, c.party, c.about, c.subject, c.state,
    c.opened_at, c.opened_by, c.due_day, c.term_source, c.assigned_to, c.outcome, c.closed_at, c.closed_by
FROM casework.complaint AS c
WHERE c.town_id = %(town_id)s AND c.id = %(complaint)s
FOR UPDATE;
