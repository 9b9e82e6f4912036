-- Say what came of a request for a right, and by whom.
--
-- id uuid, who bigint, outcome text, at timestamptz
UPDATE parties_rightrequest
SET outcome = %(outcome)s, decided_by_id = %(who)s, decided_at = %(at)s
WHERE id = %(id)s;
