-- Invariant: who handed a card over or ended it, and when, is what the audit trail says.
-- Returns the steps that break it; an empty answer is a pass.
WITH signed AS (
    SELECT c.town_id, 'card:' || c.id AS subject, s.step, s.actor, s.at
    FROM instruments.card AS c
    CROSS JOIN LATERAL (
        VALUES
        ('instruments.card-handed-over', c.handed_by, c.handed_at),
        (CASE c.state WHEN 'replaced' THEN 'instruments.card-replaced' ELSE 'instruments.card-withdrawn' END, c.ended_by, c.ended_at)
    ) AS s (step, actor, at)
    WHERE s.actor IS NOT NULL
),
trail AS (
    SELECT e.town_id, e.subject, e.action AS step, e.actor, e.at
    FROM audit.entry AS e
    WHERE e.action IN ('instruments.card-handed-over', 'instruments.card-replaced', 'instruments.card-withdrawn')
)
SELECT
    coalesce(signed.town_id, trail.town_id) AS town_id, coalesce(signed.subject, trail.subject) AS subject,
    coalesce(signed.step, trail.step) AS step, signed.actor AS card_says, trail.actor AS trail_says
FROM signed
FULL JOIN trail ON trail.town_id = signed.town_id AND trail.subject = signed.subject AND trail.step = signed.step
WHERE signed.actor IS DISTINCT FROM trail.actor OR signed.at IS DISTINCT FROM trail.at;
