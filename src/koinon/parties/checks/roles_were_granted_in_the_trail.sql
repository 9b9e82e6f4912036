-- Invariant: of every role that somebody has, the audit trail says last that it was granted.
-- Returns the roles that break it; an empty answer is a pass.
SELECT granted.town_id, granted.user_id, granted.role, granted.party_id, said.action
FROM parties_rolegrant AS granted
LEFT JOIN LATERAL (
    SELECT entry.action
    FROM audit.entry AS entry
    WHERE
        entry.town_id = granted.town_id
        AND entry.subject = 'user:' || granted.user_id
        AND entry.action IN ('parties.role-granted', 'parties.role-revoked')
        AND entry.after ->> 'role' = granted.role
        AND entry.after ->> 'party' IS NOT DISTINCT FROM granted.party_id::text
    ORDER BY entry.recorded_at DESC, entry.id DESC
    LIMIT 1
) AS said ON TRUE
WHERE said.action IS DISTINCT FROM 'parties.role-granted';
