-- The towns of this installation, for commands and for the timer.
--
-- One row (id integer, slug text) for each town, oldest first. Locks nothing.
SELECT id, slug
FROM parties_town
ORDER BY id;
