-- Which contribution corrects another one, unless it was rejected; the newest where there are several.
--
-- town_id integer, id uuid
SELECT c.id
FROM coproduction.contribution AS c
WHERE c.town_id = %(town_id)s AND c.replaces = %(id)s AND c.state <> 'rejected'
ORDER BY c.registered_at DESC, c.id DESC
LIMIT 1;
