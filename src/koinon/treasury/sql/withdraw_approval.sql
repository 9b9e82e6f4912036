-- Take a yes back: the run is as it was prepared. The caller holds the run's lock.
--
-- town_id, run
UPDATE treasury.run AS u
SET state = 'prepared', approved_by = NULL, approved_at = NULL
WHERE u.town_id = %(town_id)s AND u.id = %(run)s;
