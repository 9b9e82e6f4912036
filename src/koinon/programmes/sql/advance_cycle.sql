-- Say how far a run has come.
--
-- cycle_id uuid, upto uuid, paid integer, paid_minor bigint, failed integer
UPDATE programmes_cycle
SET
    paid_upto = %(upto)s, paid = paid + %(paid)s, paid_minor = paid_minor + %(paid_minor)s,
    failed = failed + %(failed)s
WHERE id = %(cycle_id)s AND state = 'disbursing';
