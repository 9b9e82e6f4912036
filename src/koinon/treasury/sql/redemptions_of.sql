-- A business's requests and how far each has come, newest first.
--
-- town_id  integer
-- party    uuid
-- size     integer  at most so many
--
-- state: open, undone, returned (the bank sent it back, and its units are in the till), in-run (a run has it), sent (the bank has it), paid. No lock.
SELECT
    r.id, r.amount_minor, r.fee_minor, r.requested_at, r.payable_from, p.run_id, p.paid_at,
    CASE
        WHEN r.undone_at IS NOT NULL AND EXISTS (
            SELECT 1 FROM treasury.payment_redemption AS b
            INNER JOIN treasury.payment AS c ON c.town_id = b.town_id AND c.id = b.payment_id
            WHERE b.town_id = r.town_id AND b.redemption_id = r.id AND c.state = 'returned' AND b.released_at = r.undone_at
        ) THEN 'returned'
        WHEN r.undone_at IS NOT NULL THEN 'undone'
        WHEN p.state = 'paid' THEN 'paid'
        WHEN u.state = 'exported' THEN 'sent'
        WHEN p.id IS NOT NULL THEN 'in-run'
        ELSE 'open'
    END AS state
FROM treasury.redemption AS r
LEFT JOIN treasury.payment_redemption AS m
    ON m.town_id = r.town_id AND m.redemption_id = r.id AND m.released_at IS NULL
LEFT JOIN treasury.payment AS p ON p.town_id = m.town_id AND p.id = m.payment_id
LEFT JOIN treasury.run AS u ON u.town_id = p.town_id AND u.id = p.run_id
WHERE r.town_id = %(town_id)s AND r.party = %(party)s
ORDER BY r.requested_at DESC, r.id DESC
LIMIT %(size)s;
