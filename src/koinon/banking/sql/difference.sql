-- The parts of the difference between what the banks hold and what the books say they hold.
--
-- town_id  integer
--
-- One row (code, amount_minor, count) for each part that is not empty: entries that are listed, or stand for
-- nothing in the books, count as they are; what the books have and no entry shows counts the other way. No lock.
WITH parts AS (
    SELECT 'listed' AS code, e.amount_minor FROM banking.entry AS e
    WHERE e.town_id = %(town_id)s AND e.matched_at IS NULL
    UNION ALL
    SELECT m.kind, m.amount_minor FROM banking.match AS m
    WHERE m.town_id = %(town_id)s AND m.kind IN ('charge', 'own', 'other')
    UNION ALL
    SELECT
        CASE WHEN r.fund IS NULL THEN 'topup-not-seen' WHEN r.direction = 'received' THEN 'receipt-not-seen'
        ELSE 'withdrawal-not-seen' END,
        CASE r.direction WHEN 'received' THEN -r.amount_minor ELSE r.amount_minor END
    FROM treasury.receipt AS r
    WHERE
        r.town_id = %(town_id)s
        AND NOT EXISTS (
            SELECT 1 FROM banking.match AS m
            WHERE m.town_id = r.town_id AND m.kind IN ('receipt', 'withdrawal') AND m.target = r.id
        )
        AND NOT EXISTS (
            SELECT 1 FROM treasury.topup AS t
            INNER JOIN banking.match AS m ON m.town_id = t.town_id AND m.kind = 'topup' AND m.target = t.id
            WHERE t.town_id = r.town_id AND t.receipt_id = r.id
        )
    UNION ALL
    SELECT 'payout-not-seen', p.amount_minor FROM treasury.payment AS p
    WHERE
        p.town_id = %(town_id)s AND p.state IN ('paid', 'returned')
        AND NOT EXISTS (
            SELECT 1 FROM banking.match AS m
            WHERE m.town_id = p.town_id AND m.kind = 'payout' AND m.target = p.id
        )
    UNION ALL
    SELECT 'return-not-seen', -p.amount_minor FROM treasury.payment AS p
    WHERE
        p.town_id = %(town_id)s AND p.state = 'returned'
        AND NOT EXISTS (
            SELECT 1 FROM banking.match AS m
            WHERE m.town_id = p.town_id AND m.kind = 'return' AND m.target = p.id
        )
)

SELECT p.code, sum(p.amount_minor)::bigint AS amount_minor, count(*)::integer AS count
FROM parts AS p
GROUP BY p.code
ORDER BY p.code;
