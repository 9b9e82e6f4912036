-- Invariant: a card that took another one's place pays under the same authorisation, or none, as that one did.
-- Returns the cards that break it; an empty answer is a pass.
SELECT n.town_id, n.id AS card, n.authorisation, o.id AS before, o.authorisation AS authorisation_before
FROM instruments.card AS n
INNER JOIN instruments.card AS o ON o.town_id = n.town_id AND o.id = n.replaces
WHERE n.authorisation IS DISTINCT FROM o.authorisation;
