-- What was made in one go, the newest first, and how much of it still lies in the drawer.
--
-- town_id integer, most integer
--
-- Locks nothing.
SELECT c.batch AS id, min(c.made_at) AS made_at, min(c.made_by) AS made_by, count(*) AS cards,
    count(*) FILTER (WHERE c.state = 'made') AS left
FROM instruments.card AS c
WHERE c.town_id = %(town_id)s AND c.kind = 'card'
GROUP BY c.batch
ORDER BY min(c.made_at) DESC, c.batch DESC
LIMIT %(most)s;
