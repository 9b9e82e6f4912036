-- Invariant: what was posted more than an hour ago is in a sealed block (koinon serve seals every minute).
-- Returns the towns that break it; an empty answer is a pass. Remedy: koinon seal now; if blocks were there before,
-- somebody took them away.
SELECT t.town_id, count(*) AS unsealed_transfers, min(t.posted_at) AS oldest
FROM ledger.transfer AS t
LEFT JOIN ledger.chain AS head ON head.town_id = t.town_id
WHERE t.tx >= coalesce(head.tx_to, 0) AND t.posted_at < clock_timestamp() - interval '1 hour'
GROUP BY t.town_id;
