-- Invariant: every batch of letters was printed by somebody whom the audit trail names, then and there.
-- Returns the batches that break it; an empty answer is a pass.
SELECT l.town_id, l.batch, min(l.printed_by) AS letters_say
FROM helpdesk.letter AS l
WHERE l.batch IS NOT NULL
GROUP BY l.town_id, l.batch
HAVING NOT EXISTS (
    SELECT FROM audit.entry AS e
    WHERE
        e.town_id = l.town_id AND e.subject = 'letters:' || l.batch AND e.action = 'helpdesk.letters-printed'
        AND e.actor = min(l.printed_by) AND e.at = min(l.printed_at)
);
