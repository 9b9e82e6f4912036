-- The ids of the cards of an authorisation that work or may work again.
--
-- town_id integer, authorisation uuid
--
-- Locks nothing.
SELECT c.id
FROM instruments.card AS c
WHERE c.town_id = %(town_id)s AND c.authorisation = %(authorisation)s AND c.state IN ('active', 'blocked')
ORDER BY c.id;
