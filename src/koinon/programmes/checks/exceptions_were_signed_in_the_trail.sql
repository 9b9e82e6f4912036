-- Invariant: whoever proposed, decided or withdrew an exception is who the audit trail says, and two people did so.
-- Returns the steps that break it; an empty answer is a pass.
WITH signed AS (
    SELECT programme.town_id, 'exception:' || exception.id AS subject, step.action, step.actor, step.at
    FROM programmes_aidexception AS exception
    INNER JOIN programmes_programme AS programme ON programme.id = exception.programme_id
    CROSS JOIN LATERAL (
        VALUES
        ('exception.proposed', exception.proposed_by, exception.proposed_at),
        (
            CASE WHEN exception.state = 'rejected' THEN 'exception.rejected' ELSE 'exception.approved' END,
            nullif(exception.decided_by, ''), exception.decided_at
        ),
        ('exception.withdrawn', nullif(exception.withdrawn_by, ''), exception.withdrawn_at)
    ) AS step (action, actor, at)
    WHERE step.actor IS NOT NULL
),
trail AS (
    SELECT town_id, subject, action, actor, at
    FROM audit.entry
    WHERE action IN ('exception.proposed', 'exception.approved', 'exception.rejected', 'exception.withdrawn')
)
SELECT
    coalesce(signed.town_id, trail.town_id) AS town_id, coalesce(signed.subject, trail.subject) AS subject,
    coalesce(signed.action, trail.action) AS action, signed.actor AS exception_says, trail.actor AS trail_says
FROM signed
FULL JOIN trail ON trail.town_id = signed.town_id AND trail.subject = signed.subject AND trail.action = signed.action
WHERE signed.actor IS DISTINCT FROM trail.actor OR signed.at IS DISTINCT FROM trail.at;
