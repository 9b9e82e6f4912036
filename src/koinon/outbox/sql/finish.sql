-- Say how attempts ended: log each, and set its delivery to what follows.
--
-- towns integer[], events uuid[], listeners uuid[], recipients text[], numbers smallint[], took integer[] (ms),
-- statuses smallint[], errors text[], waits double precision[] (seconds; null: no other try)  side by side
--
-- What another worker has taken up meanwhile, or was removed, is only logged.
--
-- One row (town_id integer, id uuid) for each webhook endpoint that has failed for longer than ill_seconds.
WITH ended AS MATERIALIZED (
    SELECT e.town_id, e.event_id, e.listener_id, e.recipient, e.number, e.took_ms, e.status, e.error, e.wait
    FROM unnest(
        %(towns)s::integer[], %(events)s::uuid[], %(listeners)s::uuid[], %(recipients)s::text[], %(numbers)s::smallint[],
        %(took)s::integer[], %(statuses)s::smallint[], %(errors)s::text[], %(waits)s::double precision[]
    ) AS e (town_id, event_id, listener_id, recipient, number, took_ms, status, error, wait)
),

logged AS (
    INSERT INTO outbox.attempt (town_id, event_id, listener_id, recipient, number, took_ms, status, error)
    SELECT e.town_id, e.event_id, e.listener_id, e.recipient, e.number, e.took_ms, e.status, e.error
    FROM ended AS e
    ON CONFLICT DO NOTHING
),

closed AS (
    UPDATE outbox.delivery AS d
    SET
        claimed = false, last_status = e.status, last_error = e.error,
        state = CASE WHEN e.error = '' THEN 'delivered' WHEN e.wait IS NULL THEN 'failed' ELSE 'due' END,
        next_at = statement_timestamp() + make_interval(secs => coalesce(e.wait, 0)),
        finished_at = CASE WHEN e.error = '' OR e.wait IS NULL THEN statement_timestamp() END
    FROM ended AS e
    WHERE
        d.town_id = e.town_id AND d.event_id = e.event_id AND d.listener_id = e.listener_id
        AND d.recipient = e.recipient AND d.attempts = e.number AND d.claimed AND d.state = 'due'
),

by_listener AS (
    SELECT e.town_id, e.listener_id, bool_or(e.error = '') AS arrived, count(*) FILTER (WHERE e.error <> '') AS failed
    FROM ended AS e
    GROUP BY e.town_id, e.listener_id
),

health AS (
    UPDATE outbox.listener AS l
    SET
        failing_since = CASE WHEN b.arrived THEN NULL ELSE coalesce(l.failing_since, statement_timestamp()) END,
        failures = CASE WHEN b.arrived THEN 0 ELSE l.failures + b.failed END
    FROM by_listener AS b
    WHERE
        l.town_id = b.town_id AND l.id = b.listener_id AND l.channel = 'webhook' AND l.state = 'active'
        AND (b.failed > 0 AND NOT b.arrived OR l.failing_since IS NOT NULL)
    RETURNING l.town_id, l.id, l.failing_since
)

SELECT h.town_id, h.id
FROM health AS h
WHERE h.failing_since < statement_timestamp() - make_interval(secs => %(ill_seconds)s);
