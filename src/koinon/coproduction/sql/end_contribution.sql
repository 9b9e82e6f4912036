-- Reject what waits, or undo what was verified.
--
-- town_id integer, id uuid, state text, actor text, at timestamptz, reason text, taken_back bigint or null
UPDATE coproduction.contribution SET
    state = %(state)s, ended_by = %(actor)s, ended_at = %(at)s, reason = %(reason)s, taken_back = %(taken_back)s
WHERE town_id = %(town_id)s AND id = %(id)s AND state NOT IN ('rejected', 'undone');
