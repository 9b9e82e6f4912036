-- The towns of this installation, for commands that read the books without Django.
--
-- slug  text or NULL  only this one; NULL for all
--
-- One row (id integer, slug text) for each town, oldest first. Locks nothing.
SELECT id, slug
FROM parties_town
WHERE %(slug)s::text IS NULL OR slug = %(slug)s
ORDER BY id;
