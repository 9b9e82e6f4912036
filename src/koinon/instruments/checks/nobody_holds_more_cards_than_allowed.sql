-- Invariant: nobody holds more than five cards, or five phones, that work or may work again.
-- Returns the holders that break it; an empty answer is a pass.
SELECT c.town_id, c.party, c.kind, count(*) AS cards
FROM instruments.card AS c
WHERE c.state IN ('active', 'blocked')
GROUP BY c.town_id, c.party, c.kind
HAVING count(*) > 5;
