-- Invariant: who took a complaint in, and who closed it last, is what the audit trail says.
-- Returns the complaints that break it; an empty answer is a pass.
WITH trail AS (
    SELECT DISTINCT ON (e.town_id, e.subject, e.action = 'casework.complaint-opened')
        e.town_id, e.subject, e.action, e.actor, e.at
    FROM audit.entry AS e
    WHERE e.action IN (
        'casework.complaint-opened', 'casework.complaint-answered', 'casework.complaint-withdrawn',
        'casework.complaint-reopened'
    )
    ORDER BY e.town_id, e.subject, e.action = 'casework.complaint-opened', e.recorded_at DESC, e.id DESC
)
SELECT c.town_id, c.id AS complaint, c.state, o.actor AS opened_by_in_trail, l.action AS last_in_trail
FROM casework.complaint AS c
LEFT JOIN trail AS o
    ON o.town_id = c.town_id AND o.subject = 'complaint:' || c.id AND o.action = 'casework.complaint-opened'
LEFT JOIN trail AS l
    ON l.town_id = c.town_id AND l.subject = 'complaint:' || c.id AND l.action <> 'casework.complaint-opened'
WHERE
    o.actor IS DISTINCT FROM c.opened_by OR o.at IS DISTINCT FROM c.opened_at
    OR (c.state = 'open' AND coalesce(l.action, 'casework.complaint-reopened') <> 'casework.complaint-reopened')
    OR (c.state <> 'open' AND (l.action, l.actor, l.at) IS DISTINCT FROM ('casework.complaint-' || c.state, c.closed_by, c.closed_at));
