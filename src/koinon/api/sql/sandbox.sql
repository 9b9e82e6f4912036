-- The number of the sandbox of this name, where there is one.
--
-- slug text
SELECT sandbox.town_id
FROM api.sandbox AS sandbox
INNER JOIN parties_town AS town ON town.id = sandbox.town_id
WHERE town.slug = %(slug)s;
