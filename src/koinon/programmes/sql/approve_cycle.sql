-- Say that a second person approved a cycle.
--
-- cycle_id uuid, actor text, now timestamptz
UPDATE programmes_cycle
SET state = 'approved', approved_by = %(actor)s, approved_at = %(now)s
WHERE id = %(cycle_id)s AND state = 'prepared';
