-- Invariant: a card under an authorisation has the holder who authorised, and works no longer than the authorisation.
-- Returns the cards that break it; an empty answer is a pass.
SELECT c.town_id, c.id AS card, c.party AS holder, a.party AS authorised_by, c.state, a.ended_at
FROM instruments.card AS c
INNER JOIN instruments.authorisation AS a ON a.town_id = c.town_id AND a.id = c.authorisation
WHERE c.party <> a.party OR (a.ended_at IS NOT NULL AND c.state IN ('active', 'blocked'));
