-- Stop a run, or let it go on (NULL).
--
-- cycle_id uuid, actor text, at timestamptz or null
UPDATE programmes_cycle
SET stopped_by = %(actor)s, stopped_at = %(at)s
WHERE id = %(cycle_id)s AND state = 'disbursing';
