-- What the authority was told, newest first.
--
-- town_id integer
SELECT id, sent_on, authority, reference, volume_minor, recorded_by, recorded_at
FROM accounting.notification
WHERE town_id = %(town_id)s
ORDER BY sent_on DESC, id DESC;
