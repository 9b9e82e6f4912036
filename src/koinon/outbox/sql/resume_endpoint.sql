-- Begin again with a disabled endpoint: what waits for it goes out at once, with all its tries before it.
--
-- town_id integer, id uuid
WITH resumed AS (
    UPDATE outbox.listener
    SET state = 'active', failing_since = NULL, failures = 0, disabled_at = NULL, disabled_why = ''
    WHERE town_id = %(town_id)s AND id = %(id)s AND state = 'disabled'
    RETURNING town_id, id
)

UPDATE outbox.delivery AS d
SET next_at = statement_timestamp(), tries = 0, claimed = false
FROM resumed
WHERE d.town_id = resumed.town_id AND d.listener_id = resumed.id AND d.state = 'due';
