-- The towns whose books the timer looks after.
--
-- One row (id integer, slug text) for each town, oldest first. Locks nothing.
SELECT id, slug
FROM parties_town
ORDER BY id;
