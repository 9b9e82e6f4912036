-- Remember what was exported; the caller holds the run's lock.
--
-- town_id, run, actor, at, file_format, execution_day, file_digest
UPDATE treasury.run AS u
SET state = 'exported', exported_by = %(actor)s, exported_at = %(at)s,
    file_format = %(file_format)s, execution_day = %(execution_day)s, file_digest = %(file_digest)s
WHERE u.town_id = %(town_id)s AND u.id = %(run)s;
