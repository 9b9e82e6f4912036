-- Say who looked at the personal data of whom, a line for each person.
--
-- town_id integer, ids uuid[], subjects text[] of the same length, actor text, reason text,
-- after jsonb, at timestamptz
--
-- Locks nothing.
INSERT INTO audit.entry (town_id, id, at, actor, action, subject, reason, after)
SELECT %(town_id)s, looked.id, %(at)s, %(actor)s, 'parties.revealed', looked.subject, %(reason)s, %(after)s
FROM unnest(%(ids)s::uuid[], %(subjects)s::text[]) AS looked (id, subject);
