-- Write down what was decided of a proposed target.
--
-- town_id integer, id uuid, state text, decided_by text, decided_at timestamptz, reason text
UPDATE impact.target_proposal
SET state = %(state)s, decided_by = %(decided_by)s, decided_at = %(decided_at)s, reason = %(reason)s
WHERE town_id = %(town_id)s AND id = %(id)s AND state = 'proposed';
