-- Take due messages for a while: nobody else takes them up before next_at.
--
-- most integer, lease_seconds integer
--
-- Locks the rows it takes until the commit, skipping what other workers hold.
WITH picked AS (
    SELECT m.town_id, m.id
    FROM outbox.message AS m
    WHERE m.state = 'due' AND m.next_at <= statement_timestamp()
    ORDER BY m.next_at
    LIMIT %(most)s
    FOR NO KEY UPDATE SKIP LOCKED
)
UPDATE outbox.message AS m
SET tries = m.tries + 1, next_at = statement_timestamp() + make_interval(secs => %(lease_seconds)s)
FROM picked AS p
WHERE m.town_id = p.town_id AND m.id = p.id
RETURNING m.town_id, m.id, m.party, m.kind, m.data::text AS data, m.prefer, m.at, m.tries;
