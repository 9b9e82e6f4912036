-- In how many seconds is something due? Null where nothing is.
SELECT extract(epoch FROM min(d.next_at) - statement_timestamp())::double precision AS seconds
FROM outbox.listener AS l
CROSS JOIN LATERAL (
    SELECT x.next_at
    FROM outbox.delivery AS x
    WHERE x.town_id = l.town_id AND x.listener_id = l.id AND x.state = 'due'
    ORDER BY x.next_at
    LIMIT 1
) AS d
WHERE l.state = 'active';
