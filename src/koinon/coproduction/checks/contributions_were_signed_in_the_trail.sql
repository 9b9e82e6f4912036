-- Invariant: whoever registered, confirmed, verified, rejected or undid a contribution is who the audit trail says, and the other way round.
-- Returns the steps that break it; an empty answer is a pass.
WITH signed AS (
    SELECT c.town_id, 'contribution:' || c.id AS subject, step.action, step.actor, step.at
    FROM coproduction.contribution AS c
    CROSS JOIN LATERAL (
        VALUES
        ('coproduction.registered', c.registered_by, c.registered_at),
        ('coproduction.confirmed', c.confirmed_by, c.confirmed_at),
        ('coproduction.verified', c.verified_by, c.verified_at),
        ('coproduction.' || c.state, c.ended_by, c.ended_at)
    ) AS step (action, actor, at)
    WHERE step.at IS NOT NULL
),
trail AS (
    SELECT entry.town_id, entry.subject, entry.action, entry.actor, entry.at
    FROM audit.entry AS entry
    WHERE
        entry.action IN (
            'coproduction.registered', 'coproduction.confirmed', 'coproduction.verified', 'coproduction.rejected',
            'coproduction.undone'
        )
)
SELECT
    coalesce(signed.town_id, trail.town_id) AS town_id, coalesce(signed.subject, trail.subject) AS subject,
    coalesce(signed.action, trail.action) AS action, signed.actor AS contribution_says, trail.actor AS trail_says
FROM signed
FULL JOIN trail ON trail.town_id = signed.town_id AND trail.subject = signed.subject AND trail.action = signed.action
WHERE signed.actor IS DISTINCT FROM trail.actor OR signed.at IS DISTINCT FROM trail.at;
