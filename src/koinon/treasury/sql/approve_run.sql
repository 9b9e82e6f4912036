-- A second person's yes; the caller holds the run's lock and has looked at its state.
--
-- town_id, run, actor, at
UPDATE treasury.run AS u
SET state = 'approved', approved_by = %(actor)s, approved_at = %(at)s
WHERE u.town_id = %(town_id)s AND u.id = %(run)s;
