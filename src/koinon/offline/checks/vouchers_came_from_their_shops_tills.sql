-- Invariant: a voucher is of the shop that its till was registered for, was settled once in the trail, and says of a counter that it came before only where it did.
-- Returns the vouchers that break it; an empty answer is a pass.
SELECT v.town_id, v.id AS voucher_id, v.device, v.counter, v.clashes
FROM offline.voucher AS v
LEFT JOIN offline.device AS d ON d.town_id = v.town_id AND d.id = v.device AND d.party = v.party
LEFT JOIN offline.voucher AS first
    ON first.town_id = v.town_id AND first.device = v.device AND first.counter = v.counter AND NOT first.clashes
WHERE
    d.id IS NULL
    OR (v.clashes AND (first.id IS NULL OR first.id > v.id))
    OR (
        SELECT count(*) FROM audit.entry AS e
        WHERE e.town_id = v.town_id AND e.subject = 'voucher:' || v.id AND e.action = 'offline.settled'
    ) <> 1;
