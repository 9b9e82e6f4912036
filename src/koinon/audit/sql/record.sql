-- Add one line to the audit trail.
--
-- town_id integer, id uuid, at timestamptz, actor text, action text,
-- subject text, reason text, before jsonb or null, after jsonb or null
--
-- Locks nothing.
INSERT INTO audit.entry (town_id, id, at, actor, action, subject, reason, before, after)
VALUES (
    %(town_id)s, %(id)s, %(at)s, %(actor)s, %(action)s, %(subject)s, %(reason)s,
    %(before)s, %(after)s
);
