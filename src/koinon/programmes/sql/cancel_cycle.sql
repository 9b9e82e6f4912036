-- Say that a cycle was taken back.
--
-- cycle_id uuid, actor text, now timestamptz
UPDATE programmes_cycle
SET state = 'cancelled', cancelled_by = %(actor)s, cancelled_at = %(now)s
WHERE id = %(cycle_id)s AND state IN ('prepared', 'submitted', 'approved');
