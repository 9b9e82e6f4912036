-- Make a delivery due at once, however it ended, with all its tries before it.
--
-- town_id integer, listener uuid, event uuid or null (null: all that failed)
UPDATE outbox.delivery
SET state = 'due', claimed = false, tries = 0, next_at = statement_timestamp(), finished_at = NULL
WHERE
    town_id = %(town_id)s AND listener_id = %(listener)s
    AND CASE WHEN %(event)s::uuid IS NULL THEN state = 'failed' ELSE event_id = %(event)s::uuid AND NOT claimed END;
