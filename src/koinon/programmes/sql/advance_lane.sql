-- Say how far a lane has come.
--
-- lane bigint, upto uuid or null (nothing of it was left), paid integer, paid_minor bigint, failed integer, done boolean
UPDATE programmes_lane
SET
    paid_upto = coalesce(%(upto)s::uuid, paid_upto), paid = paid + %(paid)s, paid_minor = paid_minor + %(paid_minor)s,
    failed = failed + %(failed)s, done = %(done)s
WHERE id = %(lane)s;
