-- Invariant: every transfer and hold stands under the key that its request was accepted with.
-- Returns the rows that break it; an empty answer is a pass.
SELECT made.town_id, made.id, made.key
FROM (SELECT town_id, id, key FROM ledger.transfer UNION ALL SELECT town_id, id, key FROM ledger.hold) AS made
LEFT JOIN ledger.accepted AS a ON a.town_id = made.town_id AND a.key = made.key AND a.result = made.id
WHERE a.key IS NULL;
