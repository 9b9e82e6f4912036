-- Give up what waits for a disabled endpoint since before an instant.
--
-- before timestamptz
UPDATE outbox.delivery AS d
SET state = 'abandoned', last_error = 'too-old', finished_at = statement_timestamp()
FROM outbox.event AS e, outbox.listener AS l
WHERE
    e.town_id = d.town_id AND e.id = d.event_id AND e.told_at < %(before)s AND d.state = 'due' AND NOT d.claimed
    AND l.town_id = d.town_id AND l.id = d.listener_id AND l.state = 'disabled';
