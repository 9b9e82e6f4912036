-- Targets as they were proposed, those that wait first, then the newest: all of a town, or one by its id.
--
-- town_id  integer
-- id       uuid or null
SELECT
    p.id, p.indicator, p.part, p.from_day, p.by_day, p.value, p.source, p.state, p.proposed_by, p.proposed_at,
    p.decided_by, p.decided_at, p.reason
FROM impact.target_proposal AS p
WHERE p.town_id = %(town_id)s AND (%(id)s::uuid IS NULL OR p.id = %(id)s::uuid)
ORDER BY p.state <> 'proposed', p.proposed_at DESC, p.id;
