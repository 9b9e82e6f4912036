-- Towns in whose trail an act on a subject does not stand yet.
--
-- action text, subject text
SELECT t.id
FROM parties_town AS t
WHERE NOT EXISTS (
    SELECT FROM audit.entry AS e
    WHERE e.town_id = t.id AND e.subject = %(subject)s AND e.action = %(action)s
)
ORDER BY t.id;
