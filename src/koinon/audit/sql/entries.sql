-- The newest lines of a town, or those before a given one.
--
-- town_id  integer
-- before   uuid or null   show lines older than this id
-- size     integer        how many at the most
--
-- One row for each line, newest first; ids are ordered by time.
SELECT id, at, actor, action, subject, reason, before, after
FROM audit.entry
WHERE town_id = %(town_id)s AND (%(before)s::uuid IS NULL OR id < %(before)s::uuid)
ORDER BY id DESC
LIMIT %(size)s;
