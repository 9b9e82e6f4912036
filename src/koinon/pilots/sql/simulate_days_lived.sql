-- The simulated days that are over, and what came of them.
--
-- town_id   integer
-- action    text
-- subjects  text[]   the subjects of the audit entries that end the days
--
-- One row (day text, done jsonb, refused jsonb) for each, in their order. Locks nothing.
-- As text, because Django's connection decodes JSON itself.
SELECT e.after ->> 'day' AS day, (e.after -> 'done')::text AS done, (e.after -> 'refused')::text AS refused
FROM audit.entry AS e
WHERE e.town_id = %(town_id)s AND e.action = %(action)s AND e.subject = ANY(%(subjects)s)
ORDER BY e.after ->> 'day';
