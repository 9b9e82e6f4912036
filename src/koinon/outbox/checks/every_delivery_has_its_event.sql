-- Invariant: every delivery and every attempt has its event, and every delivery its listener.
-- Returns the deliveries that break it; an empty answer is a pass.
SELECT d.town_id, d.event_id, d.listener_id, d.recipient, e.id IS NULL AS event_missing, l.id IS NULL AS listener_missing
FROM outbox.delivery AS d
LEFT JOIN outbox.event AS e ON e.town_id = d.town_id AND e.id = d.event_id
LEFT JOIN outbox.listener AS l ON l.town_id = d.town_id AND l.id = d.listener_id
WHERE e.id IS NULL OR l.id IS NULL
UNION ALL
SELECT a.town_id, a.event_id, a.listener_id, a.recipient, true, false
FROM outbox.attempt AS a
LEFT JOIN outbox.event AS e ON e.town_id = a.town_id AND e.id = a.event_id
WHERE e.id IS NULL;
