-- Invariant: what a cycle issued, less what it gave back, is what its entitlements and the ledger say was paid.
-- Returns the cycles that break it; an empty answer is a pass. A cycle being paid out may still hold the rest. What the cycle
-- itself counts as paid and failed is what its entitlements say.
WITH moved AS (
    SELECT
        town_id, reference,
        sum(CASE code WHEN 'issue' THEN amount_minor WHEN 'unissue' THEN -amount_minor ELSE 0 END) AS issued,
        sum(CASE code WHEN 'disburse' THEN amount_minor ELSE 0 END) AS disbursed
    FROM ledger.transfer
    WHERE code IN ('issue', 'unissue', 'disburse') AND kind NOT IN ('r', 'R') AND starts_with(reference, 'cycle:')
    GROUP BY town_id, reference
)
SELECT
    programme.town_id, cycle.id, cycle.state, cycle.total_minor, entitled.minor AS paid_minor,
    coalesce(moved.issued, 0) AS issued_minor, coalesce(moved.disbursed, 0) AS disbursed_minor
FROM programmes_cycle AS cycle
INNER JOIN programmes_programme AS programme ON programme.id = cycle.programme_id
LEFT JOIN moved ON moved.town_id = programme.town_id AND moved.reference = 'cycle:' || cycle.id
CROSS JOIN LATERAL (
    SELECT
        coalesce(sum(entitlement.amount_minor) FILTER (WHERE entitlement.state = 'paid'), 0) AS minor,
        count(*) FILTER (WHERE entitlement.state = 'paid') AS paid,
        count(*) FILTER (WHERE entitlement.state = 'failed') AS failed
    FROM programmes_line AS entitlement
    WHERE entitlement.cycle_id = cycle.id
) AS entitled
CROSS JOIN LATERAL (
    SELECT
        coalesce(sum(lane.paid), 0) AS paid, coalesce(sum(lane.paid_minor), 0) AS minor, coalesce(sum(lane.failed), 0) AS failed
    FROM programmes_lane AS lane
    WHERE lane.cycle_id = cycle.id AND cycle.state = 'disbursing' AND cycle.retries = 0
) AS under_way
WHERE
    coalesce(moved.disbursed, 0) <> entitled.minor
    OR (cycle.paid + under_way.paid, cycle.paid_minor + under_way.minor) <> (entitled.paid, entitled.minor)
    OR cycle.failed + under_way.failed <> entitled.failed
    OR (cycle.state = 'disbursing' AND coalesce(moved.issued, 0) <> cycle.total_minor)
    OR (cycle.state = 'disbursed' AND (coalesce(moved.issued, 0) <> entitled.minor OR cycle.total_minor <> entitled.minor))
    OR (cycle.state IN ('prepared', 'submitted', 'approved', 'cancelled') AND coalesce(moved.issued, 0) <> 0);
