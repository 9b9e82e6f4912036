-- The audit trail of a town, as the table component reads it; ids are ordered by time.
--
-- town_id integer
--
-- One row for each act. JSON as text. Locks nothing.
SELECT id, at, actor, action, subject, reason, before::text AS before, after::text AS after
FROM audit.entry
WHERE town_id = %(town_id)s
