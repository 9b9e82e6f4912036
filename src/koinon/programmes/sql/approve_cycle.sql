-- Say that as many as are needed approved a cycle, and who was the last of them.
--
-- cycle_id uuid, actor text, now timestamptz
UPDATE programmes_cycle
SET state = 'approved', approved_by = %(actor)s, approved_at = %(now)s
WHERE id = %(cycle_id)s AND state = 'submitted';
