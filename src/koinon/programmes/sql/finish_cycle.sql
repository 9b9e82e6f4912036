-- Say that nothing of a cycle is left to pay out; its totals become what was paid.
--
-- cycle_id uuid, now timestamptz, paid integer, paid_minor bigint, failed integer
UPDATE programmes_cycle
SET
    state = 'disbursed', disbursed_at = coalesce(disbursed_at, %(now)s), paid = %(paid)s, paid_minor = %(paid_minor)s,
    failed = %(failed)s, total_minor = %(paid_minor)s, count = %(paid)s, problem = ''
WHERE id = %(cycle_id)s AND state = 'disbursing';
