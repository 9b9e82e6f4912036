-- How much is due, and for how long the oldest has been.
--
-- One row (due bigint, oldest_seconds bigint), of active listeners in all towns. Locks nothing.
SELECT
    count(*) AS due,
    coalesce(floor(extract(epoch FROM statement_timestamp() - min(d.next_at))), 0)::bigint AS oldest_seconds
FROM outbox.listener AS l
INNER JOIN outbox.delivery AS d ON d.town_id = l.town_id AND d.listener_id = l.id
WHERE l.state = 'active' AND d.state = 'due' AND d.next_at <= statement_timestamp();
