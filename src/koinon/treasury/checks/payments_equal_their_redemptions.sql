-- Invariant: a payment is the sum of the requests it pays, all of its own party and none of them undone
-- while it pays them; only what failed, or was cancelled, has given them free.
-- Returns the payments that break it; an empty answer is a pass.
SELECT p.town_id, p.id AS payment_id, p.amount_minor, sum(r.amount_minor) AS redemptions_minor
FROM treasury.payment AS p
INNER JOIN treasury.run AS u ON u.town_id = p.town_id AND u.id = p.run_id
LEFT JOIN treasury.payment_redemption AS m ON m.town_id = p.town_id AND m.payment_id = p.id
LEFT JOIN treasury.redemption AS r ON r.town_id = m.town_id AND r.id = m.redemption_id
GROUP BY p.town_id, p.id, u.state
HAVING
    p.amount_minor IS DISTINCT FROM sum(r.amount_minor)
    OR bool_or(r.party <> p.party)
    OR bool_or(m.released_at IS NULL AND r.undone_at IS NOT NULL)
    OR bool_or((m.released_at IS NOT NULL) <> (p.state IN ('rejected', 'returned') OR u.state = 'cancelled'));
