-- Invariant: who made or withdrew a request, and who made or ended a payee's code, is what the audit trail says.
-- Returns the steps that break it; an empty answer is a pass.
WITH signed AS (
    SELECT r.town_id, 'request:' || r.id AS subject, s.step, s.actor
    FROM payments.request AS r
    CROSS JOIN LATERAL (
        VALUES ('payments.request-made', r.made_by), ('payments.request-withdrawn', r.withdrawn_by)
    ) AS s (step, actor)
    WHERE s.actor IS NOT NULL
    UNION ALL
    SELECT c.town_id, 'payee-code:' || c.id, s.step, s.actor
    FROM payments.payee_code AS c
    CROSS JOIN LATERAL (
        VALUES ('payments.payee-code-made', c.made_by), ('payments.payee-code-ended', c.ended_by)
    ) AS s (step, actor)
    WHERE s.actor IS NOT NULL
),
trail AS (
    SELECT e.town_id, e.subject, e.action AS step, e.actor
    FROM audit.entry AS e
    WHERE e.action IN (
        'payments.request-made', 'payments.request-withdrawn', 'payments.payee-code-made', 'payments.payee-code-ended'
    )
)
SELECT
    coalesce(signed.town_id, trail.town_id) AS town_id, coalesce(signed.subject, trail.subject) AS subject,
    coalesce(signed.step, trail.step) AS step, signed.actor AS row_says, trail.actor AS trail_says
FROM signed
FULL JOIN trail ON trail.town_id = signed.town_id AND trail.subject = signed.subject AND trail.step = signed.step
WHERE signed.actor IS DISTINCT FROM trail.actor;
