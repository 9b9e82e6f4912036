-- Take due deliveries for a while: a few for each listener, so that none waits behind another's.
--
-- most           integer     how many in all
-- each           integer     how many of one listener may be under way at once
-- busy, counts   uuid[], integer[]  side by side: how many of a listener this worker has under way
-- lease_seconds  integer     how long nobody else takes them up
--
-- A row comes back when its lease is over and nobody has said how it ended: the worker died.
-- That try is logged as interrupted. A listener that fails gets one message at a time.
--
-- Locks the rows it takes, skipping what other workers hold, and only until the commit.
WITH open AS MATERIALIZED (
    SELECT
        l.town_id, l.id, l.channel, l.url, l.party, l.key_id, l.secret,
        CASE WHEN l.old_secret_until > statement_timestamp() THEN l.old_key_id ELSE '' END AS old_key_id,
        CASE WHEN l.old_secret_until > statement_timestamp() THEN l.old_secret END AS old_secret,
        CASE WHEN l.failing_since IS NULL THEN %(each)s ELSE 1 END - coalesce(b.number, 0) AS room
    FROM outbox.listener AS l
    LEFT JOIN unnest(%(busy)s::uuid[], %(counts)s::integer[]) AS b (id, number) ON b.id = l.id
    WHERE l.state = 'active'
    ORDER BY random()
),

picked AS MATERIALIZED (
    SELECT d.town_id, d.event_id, d.listener_id, d.recipient, d.attempts, d.claimed
    FROM open
    CROSS JOIN LATERAL (
        SELECT x.town_id, x.event_id, x.listener_id, x.recipient, x.attempts, x.claimed
        FROM outbox.delivery AS x
        WHERE
            x.town_id = open.town_id AND x.listener_id = open.id AND x.state = 'due'
            AND x.next_at <= statement_timestamp()
        ORDER BY x.next_at
        LIMIT greatest(open.room, 0)
        FOR NO KEY UPDATE SKIP LOCKED
    ) AS d
    LIMIT %(most)s
),

interrupted AS (
    INSERT INTO outbox.attempt (town_id, event_id, listener_id, recipient, number, took_ms, error)
    SELECT p.town_id, p.event_id, p.listener_id, p.recipient, p.attempts, 0, 'interrupted'
    FROM picked AS p
    WHERE p.claimed
    ON CONFLICT DO NOTHING
),

taken AS (
    UPDATE outbox.delivery AS d
    SET
        claimed = true, attempts = d.attempts + 1, tries = d.tries + 1,
        next_at = statement_timestamp() + make_interval(secs => %(lease_seconds)s)
    FROM picked AS p
    WHERE
        d.town_id = p.town_id AND d.event_id = p.event_id AND d.listener_id = p.listener_id
        AND d.recipient = p.recipient
    RETURNING d.town_id, d.event_id, d.listener_id, d.recipient, d.attempts, d.tries
)

SELECT
    t.town_id, t.event_id, t.listener_id, t.recipient, t.attempts AS attempt, t.tries, o.channel, e.kind, e.subject,
    e.at, e.data::text AS data, o.url, o.party, o.key_id, coalesce(o.secret, ''::bytea) AS secret, o.old_key_id, o.old_secret
FROM taken AS t
INNER JOIN open AS o ON o.town_id = t.town_id AND o.id = t.listener_id
INNER JOIN outbox.event AS e ON e.town_id = t.town_id AND e.id = t.event_id
ORDER BY t.event_id;
