-- Take these listeners, lowest first, before anything of theirs is changed.
--
-- towns integer[], ids uuid[]  side by side
--
-- Whoever removes or resumes a listener takes it before its deliveries; so does who says how attempts ended,
-- or the two could wait for each other.
SELECT l.id
FROM outbox.listener AS l
INNER JOIN unnest(%(towns)s::integer[], %(ids)s::uuid[]) AS asked (town_id, id)
    ON asked.town_id = l.town_id AND asked.id = l.id
ORDER BY l.town_id, l.id
FOR NO KEY UPDATE OF l;
