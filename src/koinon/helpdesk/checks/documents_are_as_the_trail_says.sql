-- Invariant: every document kept of a party was added by somebody whom the audit trail names, and so it was destroyed.
-- Returns the documents that break it; an empty answer is a pass.
SELECT d.town_id, d.id, s.step
FROM helpdesk.document AS d
CROSS JOIN LATERAL (
    VALUES ('helpdesk.document-added', d.added_by, d.added_at), ('helpdesk.document-removed', d.removed_by, d.removed_at)
) AS s (step, actor, at)
WHERE
    s.actor IS NOT NULL
    AND NOT EXISTS (
        SELECT FROM audit.entry AS e
        WHERE
            e.town_id = d.town_id AND e.subject = 'party:' || d.party AND e.action = s.step AND e.actor = s.actor
            AND e.at = s.at
    );
