-- Say that nothing of a cycle is left to pay out; its totals become what was paid.
--
-- cycle_id uuid, now timestamptz
UPDATE programmes_cycle
SET state = 'disbursed', disbursed_at = coalesce(disbursed_at, %(now)s), total_minor = paid_minor, count = paid, problem = ''
WHERE id = %(cycle_id)s AND state = 'disbursing';
