-- Tell a listener nothing more: its secrets go at once, what was due is abandoned, its log stays for a while.
--
-- town_id integer, id uuid
WITH removed AS (
    UPDATE outbox.listener
    SET state = 'removed', secret = NULL, old_secret = NULL, old_secret_until = NULL
    WHERE town_id = %(town_id)s AND id = %(id)s
    RETURNING town_id, id
)

UPDATE outbox.delivery AS d
SET state = 'abandoned', claimed = false, last_error = 'removed', finished_at = statement_timestamp()
FROM removed
WHERE d.town_id = removed.town_id AND d.listener_id = removed.id AND d.state = 'due';
