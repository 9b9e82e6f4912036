-- Invariant: a replaced card and the card that replaces it name each other, and have one holder.
-- Returns the cards that break it; an empty answer is a pass.
SELECT c.town_id, c.id AS card, c.replaced_by, n.replaces, n.party IS NOT DISTINCT FROM c.party AS same_holder
FROM instruments.card AS c
LEFT JOIN instruments.card AS n ON n.town_id = c.town_id AND n.id = c.replaced_by
WHERE c.state = 'replaced' AND (n.replaces IS DISTINCT FROM c.id OR n.party IS DISTINCT FROM c.party)
UNION ALL
SELECT n.town_id, n.id, o.replaced_by, n.replaces, o.party IS NOT DISTINCT FROM n.party
FROM instruments.card AS n
LEFT JOIN instruments.card AS o ON o.town_id = n.town_id AND o.id = n.replaces
WHERE n.replaces IS NOT NULL AND (o.replaced_by IS DISTINCT FROM n.id OR o.state <> 'replaced');
