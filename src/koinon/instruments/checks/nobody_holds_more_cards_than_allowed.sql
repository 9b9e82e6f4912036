-- Invariant: nobody holds more than five cards that work or may work again.
-- Returns the holders that break it; an empty answer is a pass.
SELECT c.town_id, c.party, count(*) AS cards
FROM instruments.card AS c
WHERE c.state IN ('active', 'blocked')
GROUP BY c.town_id, c.party
HAVING count(*) > 5;
