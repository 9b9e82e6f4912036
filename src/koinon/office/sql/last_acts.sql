-- Which act stands last in each town's trail of a subject; empty where none does.
--
-- subject text
--
-- One row (town_id integer, action text) for each town. Locks nothing.
SELECT t.id AS town_id, coalesce(last.action, '') AS action
FROM parties_town AS t
LEFT JOIN LATERAL (
    SELECT e.action
    FROM audit.entry AS e
    WHERE e.town_id = t.id AND e.subject = %(subject)s
    ORDER BY e.id DESC
    LIMIT 1
) AS last ON TRUE
ORDER BY t.id;
