-- Say from when on the timer pays a cycle out; NULL is that it does not.
--
-- cycle_id uuid, actor text, at timestamptz or null
UPDATE programmes_cycle
SET scheduled_by = %(actor)s, scheduled_at = %(at)s, problem = ''
WHERE id = %(cycle_id)s AND state IN ('submitted', 'approved');
