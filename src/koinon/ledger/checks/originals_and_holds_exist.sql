-- Invariant: what a transfer reverses or captures is there.
-- Returns the transfers that break it; an empty answer is a pass.
SELECT t.town_id, t.id AS transfer_id, t.reverses, t.hold_id
FROM ledger.transfer AS t
WHERE (t.reverses IS NOT NULL
       AND NOT EXISTS (SELECT 1 FROM ledger.transfer AS o WHERE o.town_id = t.town_id AND o.id = t.reverses))
   OR (t.hold_id IS NOT NULL
       AND NOT EXISTS (SELECT 1 FROM ledger.hold AS h WHERE h.town_id = t.town_id AND h.id = t.hold_id));
