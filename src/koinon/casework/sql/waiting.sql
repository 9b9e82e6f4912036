-- The complaints that wait for an answer, the most urgent first.
--
-- town_id integer, most integer
--
-- Locks nothing.
SELECT
    c.id, 'C-' || c.year || '-' || lpad(c.place::text, 4, '0') AS number, c.party, c.about, c.subject, c.state,
    c.opened_at, c.opened_by, c.due_day, c.term_source, c.assigned_to, c.outcome, c.closed_at, c.closed_by
FROM casework.complaint AS c
WHERE c.town_id = %(town_id)s AND c.state = 'open'
ORDER BY c.due_day, c.id
LIMIT %(most)s;
