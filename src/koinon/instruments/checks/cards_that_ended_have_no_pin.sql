-- Invariant: a card that was replaced or withdrawn, or is no card at all, has no PIN.
-- Returns the PINs that break it; an empty answer is a pass.
SELECT p.town_id, p.instrument
FROM instruments.pin AS p
LEFT JOIN instruments.card AS c ON c.town_id = p.town_id AND c.id = p.instrument
WHERE c.id IS NULL OR c.state IN ('replaced', 'withdrawn');
