-- Invariant: what was posted more than an hour ago is in a sealed block (koinon serve seals every minute).
-- Returns the towns that break it; an empty answer is a pass. Remedy: koinon seal now; if blocks were there before,
-- somebody took them away.
SELECT town.town_id, waiting.rows AS unsealed_rows, waiting.oldest
FROM (SELECT DISTINCT p.town_id FROM ledger.period AS p) AS town
LEFT JOIN ledger.chain AS head ON head.town_id = town.town_id
CROSS JOIN LATERAL (
    SELECT count(*) AS rows, min(line.posted_at) AS oldest
    FROM ledger.journal AS line
    WHERE line.town_id = town.town_id AND line.seq >= coalesce(head.seq_to, 0)
      AND line.posted_at < clock_timestamp() - interval '1 hour'
) AS waiting
WHERE waiting.rows > 0;
