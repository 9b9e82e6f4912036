-- What a listener was told and is to be told, newest first.
--
-- town_id   integer
-- listener  uuid
-- before    uuid or null   older than this event
-- state     text           only these; empty for all
-- size      integer
--
-- Locks nothing.
SELECT
    d.event_id, d.listener_id, d.recipient, e.kind, e.subject, e.at, d.state, d.attempts,
    CASE WHEN d.state = 'due' THEN d.next_at END AS next_at, d.last_status, d.last_error, e.told_at, d.finished_at
FROM outbox.delivery AS d
INNER JOIN outbox.event AS e ON e.town_id = d.town_id AND e.id = d.event_id
WHERE
    d.town_id = %(town_id)s AND d.listener_id = %(listener)s
    AND (%(before)s::uuid IS NULL OR d.event_id < %(before)s::uuid)
    AND (%(state)s = '' OR d.state = %(state)s)
ORDER BY d.event_id DESC, d.recipient
LIMIT %(size)s;
