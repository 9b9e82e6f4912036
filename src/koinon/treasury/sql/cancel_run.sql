-- Give a run up; its requests become open again (release_redemptions.sql). The caller holds the run's lock.
--
-- town_id, run, actor, at
UPDATE treasury.run AS u
SET state = 'cancelled', cancelled_by = %(actor)s, cancelled_at = %(at)s
WHERE u.town_id = %(town_id)s AND u.id = %(run)s;
