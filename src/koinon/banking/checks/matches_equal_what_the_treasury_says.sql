-- Invariant: whatever an entry was matched with is on the treasury's books with the same amount, and nothing is
-- matched twice.
-- Returns the matches that break it; an empty answer is a pass.
WITH said AS (
    SELECT r.town_id, 'receipt' AS kind, r.id AS target, r.amount_minor AS minor
    FROM treasury.receipt AS r WHERE r.direction = 'received'
    UNION ALL
    SELECT r.town_id, 'withdrawal', r.id, -r.amount_minor FROM treasury.receipt AS r WHERE r.direction = 'withdrawn'
    UNION ALL
    SELECT t.town_id, 'topup', t.id, t.received_minor FROM treasury.topup AS t WHERE t.state = 'received'
    UNION ALL
    SELECT p.town_id, 'payout', p.id, -p.amount_minor FROM treasury.payment AS p WHERE p.state IN ('paid', 'returned')
    UNION ALL
    SELECT p.town_id, 'return', p.id, p.amount_minor FROM treasury.payment AS p WHERE p.state = 'returned'
)

SELECT m.town_id, m.entry_id, m.kind, m.target, m.amount_minor, s.minor AS treasury_minor
FROM banking.match AS m
LEFT JOIN said AS s ON s.town_id = m.town_id AND s.kind = m.kind AND s.target = m.target
WHERE m.kind NOT IN ('charge', 'own', 'other') AND s.minor IS DISTINCT FROM m.amount_minor
UNION ALL
SELECT m.town_id, NULL, m.kind, m.target, sum(m.amount_minor), NULL
FROM banking.match AS m
GROUP BY m.town_id, m.kind, m.target
HAVING count(*) > 1;
