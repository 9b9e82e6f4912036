-- Invariant: whoever drew a campaign up, released its money or ended it is who the audit trail says, and two different
-- people where money was released.
-- Returns the steps that break it; an empty answer is a pass.
WITH signed AS (
    SELECT c.town_id, 'campaign:' || c.id AS subject, step.action, step.actor, step.at
    FROM campaigns.campaign AS c
    CROSS JOIN LATERAL (
        VALUES
        ('campaign.drafted', c.drafted_by, c.drafted_at),
        ('campaign.released', c.approved_by, c.approved_at),
        (CASE c.state WHEN 'cancelled' THEN 'campaign.cancelled' ELSE 'campaign.ended' END, c.ended_by, c.ended_at)
    ) AS step (action, actor, at)
    WHERE step.actor IS NOT NULL
),

trail AS (
    SELECT entry.town_id, entry.subject, entry.action, entry.actor, entry.at
    FROM audit.entry AS entry
    WHERE entry.action IN ('campaign.drafted', 'campaign.released', 'campaign.ended', 'campaign.cancelled')
)

SELECT
    coalesce(signed.town_id, trail.town_id) AS town_id, coalesce(signed.subject, trail.subject) AS subject,
    coalesce(signed.action, trail.action) AS action, signed.actor AS campaign_says, trail.actor AS trail_says
FROM signed
FULL JOIN trail ON trail.town_id = signed.town_id AND trail.subject = signed.subject AND trail.action = signed.action
WHERE signed.actor IS DISTINCT FROM trail.actor OR signed.at IS DISTINCT FROM trail.at
UNION ALL
SELECT c.town_id, 'campaign:' || c.id, 'two people', c.drafted_by, c.approved_by
FROM campaigns.campaign AS c
WHERE c.approved_by IN (c.drafted_by, c.submitted_by);
