-- The requests that some payments pay; those that were set free again are left out.
--
-- town_id   integer
-- payments  uuid[]
--
-- Oldest first. No lock.
SELECT
    r.id, r.party, r.amount_minor, r.transfer_id, r.requested_at, r.fee_minor, r.fee_transfer_id, r.payable_from,
    p.id AS payment_id, p.run_id
FROM treasury.payment AS p
INNER JOIN treasury.payment_redemption AS m
    ON m.town_id = p.town_id AND m.payment_id = p.id AND m.released_at IS NULL
INNER JOIN treasury.redemption AS r ON r.town_id = m.town_id AND r.id = m.redemption_id
WHERE p.town_id = %(town_id)s AND p.id = ANY(%(payments)s)
ORDER BY r.requested_at, r.id;
