-- Each try at a delivery, first one first.
--
-- town_id integer, listener uuid, event uuid
SELECT a.number, a.at, a.took_ms, a.status, a.error
FROM outbox.attempt AS a
WHERE a.town_id = %(town_id)s AND a.event_id = %(event)s AND a.listener_id = %(listener)s
ORDER BY a.recipient, a.number;
