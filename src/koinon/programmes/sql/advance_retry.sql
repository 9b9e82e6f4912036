-- Say how far another try has come.
--
-- cycle_id uuid, paid integer, paid_minor bigint, failed integer
UPDATE programmes_cycle
SET paid = paid + %(paid)s, paid_minor = paid_minor + %(paid_minor)s, failed = failed + %(failed)s
WHERE id = %(cycle_id)s AND state = 'disbursing';
