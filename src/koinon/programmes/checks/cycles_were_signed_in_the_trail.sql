-- Invariant: whoever prepared, approved, paid out or cancelled a cycle is who the audit trail says, and the other way round.
-- Returns the steps that break it; an empty answer is a pass. Whoever pays out the last piece need not have paid the first.
WITH signed AS (
    SELECT programme.town_id, 'cycle:' || cycle.id AS subject, step.action, step.actor, step.at
    FROM programmes_cycle AS cycle
    INNER JOIN programmes_programme AS programme ON programme.id = cycle.programme_id
    CROSS JOIN LATERAL (
        VALUES
        ('cycle.prepared', cycle.prepared_by, cycle.prepared_at),
        ('cycle.approved', nullif(cycle.approved_by, ''), cycle.approved_at),
        ('cycle.issued', nullif(cycle.disbursed_by, ''), cycle.disbursing_at),
        ('cycle.disbursed', 'anybody', cycle.disbursed_at),
        ('cycle.cancelled', nullif(cycle.cancelled_by, ''), cycle.cancelled_at)
    ) AS step (action, actor, at)
    WHERE step.actor IS NOT NULL AND step.at IS NOT NULL
),
trail AS (
    SELECT
        entry.town_id, entry.subject, entry.action, entry.at,
        CASE entry.action WHEN 'cycle.disbursed' THEN 'anybody' ELSE entry.actor END AS actor
    FROM audit.entry AS entry
    WHERE entry.action IN ('cycle.prepared', 'cycle.approved', 'cycle.issued', 'cycle.disbursed', 'cycle.cancelled')
)
SELECT
    coalesce(signed.town_id, trail.town_id) AS town_id, coalesce(signed.subject, trail.subject) AS subject,
    coalesce(signed.action, trail.action) AS action, signed.actor AS cycle_says, trail.actor AS trail_says
FROM signed
FULL JOIN trail ON trail.town_id = signed.town_id AND trail.subject = signed.subject AND trail.action = signed.action
WHERE signed.actor IS DISTINCT FROM trail.actor OR signed.at IS DISTINCT FROM trail.at;
