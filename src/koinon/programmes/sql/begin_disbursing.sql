-- Say that paying out has begun, by whom and when. From now on its lanes count what is paid.
--
-- cycle_id uuid, actor text, now timestamptz
UPDATE programmes_cycle
SET state = 'disbursing', disbursed_by = %(actor)s, disbursing_at = %(now)s, paid = 0, paid_minor = 0, failed = 0
WHERE id = %(cycle_id)s AND state = 'approved';
