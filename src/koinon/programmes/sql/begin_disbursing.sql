-- Say that paying out has begun, by whom and when.
--
-- cycle_id uuid, actor text, now timestamptz
UPDATE programmes_cycle
SET state = 'disbursing', disbursed_by = %(actor)s, disbursing_at = %(now)s
WHERE id = %(cycle_id)s AND state = 'approved';
