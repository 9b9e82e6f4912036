-- Invariant: who made and who ended an authorisation, and when, is what the audit trail says.
-- Returns the steps that break it; an empty answer is a pass.
WITH signed AS (
    SELECT a.town_id, 'authorisation:' || a.id AS subject, s.step, s.actor, s.at
    FROM instruments.authorisation AS a
    CROSS JOIN LATERAL (
        VALUES ('instruments.authorised', a.made_by, a.made_at), ('instruments.authorisation-ended', a.ended_by, a.ended_at)
    ) AS s (step, actor, at)
    WHERE s.actor IS NOT NULL
),
trail AS (
    SELECT e.town_id, e.subject, e.action AS step, e.actor, e.at
    FROM audit.entry AS e
    WHERE e.action IN ('instruments.authorised', 'instruments.authorisation-ended')
)
SELECT
    coalesce(signed.town_id, trail.town_id) AS town_id, coalesce(signed.subject, trail.subject) AS subject,
    coalesce(signed.step, trail.step) AS step, signed.actor AS authorisation_says, trail.actor AS trail_says
FROM signed
FULL JOIN trail ON trail.town_id = signed.town_id AND trail.subject = signed.subject AND trail.step = signed.step
WHERE signed.actor IS DISTINCT FROM trail.actor OR signed.at IS DISTINCT FROM trail.at;
