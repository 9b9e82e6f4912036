-- Invariant: whoever decided last that two households are one, or are not, is who the audit trail says.
-- Returns the pairs that break it; an empty answer is a pass.
SELECT pair.town_id, pair.id AS pair, pair.state, pair.decided_by, said.actor AS trail_says
FROM programmes_duplicatepair AS pair
LEFT JOIN LATERAL (
    SELECT entry.actor, entry.at, entry.after ->> 'state' AS state
    FROM audit.entry AS entry
    WHERE entry.town_id = pair.town_id AND entry.subject = 'duplicate:' || pair.id AND entry.action = 'duplicate.decided'
    ORDER BY entry.id DESC
    LIMIT 1
) AS said ON TRUE
WHERE
    pair.state <> 'open'
    AND (
        said.actor IS DISTINCT FROM pair.decided_by OR said.at IS DISTINCT FROM pair.decided_at
        OR said.state IS DISTINCT FROM pair.state
    );
