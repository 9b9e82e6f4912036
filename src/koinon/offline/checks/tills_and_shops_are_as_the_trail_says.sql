-- Invariant: who switched a shop on or off, registered a till or withdrew it, and when, is what the audit trail says, and the other way round.
-- Returns the steps that break it; an empty answer is a pass.
WITH signed AS (
    SELECT s.town_id, 'party:' || s.party AS subject, step.action, step.actor, step.at
    FROM offline.shop AS s
    CROSS JOIN LATERAL (
        VALUES ('offline.shop-on', s.set_by, s.since), ('offline.shop-off', s.ended_by, s.ended_at)
    ) AS step (action, actor, at)
    WHERE step.at IS NOT NULL
    UNION ALL
    SELECT d.town_id, 'till:' || d.id, step.action, step.actor, step.at
    FROM offline.device AS d
    CROSS JOIN LATERAL (
        VALUES
        ('offline.till-registered', d.registered_by, d.registered_at),
        ('offline.till-withdrawn', d.revoked_by, d.revoked_at)
    ) AS step (action, actor, at)
    WHERE step.at IS NOT NULL
),
trail AS (
    SELECT e.town_id, e.subject, e.action, e.actor, e.at
    FROM audit.entry AS e
    WHERE e.action IN ('offline.shop-on', 'offline.shop-off', 'offline.till-registered', 'offline.till-withdrawn')
)
SELECT
    coalesce(signed.town_id, trail.town_id) AS town_id, coalesce(signed.subject, trail.subject) AS subject,
    coalesce(signed.action, trail.action) AS action, signed.actor AS record_says, trail.actor AS trail_says
FROM signed
FULL JOIN trail
    ON trail.town_id = signed.town_id AND trail.subject = signed.subject AND trail.action = signed.action
    AND trail.actor = signed.actor AND trail.at = signed.at
WHERE signed.actor IS NULL OR trail.actor IS NULL;
