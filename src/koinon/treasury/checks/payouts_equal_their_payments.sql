-- Invariant: every payment the bank made is one payout transfer of its amount, and the other way round;
-- one that came back is wholly reversed.
-- Returns what breaks it; an empty answer is a pass.
SELECT
    coalesce(p.town_id, t.town_id) AS town_id, p.id AS payment_id, t.id AS transfer_id,
    p.amount_minor AS payment_minor, t.amount_minor AS transfer_minor, t.reversed_minor
FROM (SELECT * FROM treasury.payment WHERE transfer_id IS NOT NULL) AS p
FULL JOIN (
    SELECT
        x.town_id, x.id, x.amount_minor,
        (
            SELECT coalesce(sum(b.amount_minor), 0)
            FROM ledger.target AS g
            INNER JOIN ledger.transfer AS b ON b.town_id = g.town_id AND b.seq = g.seq
            WHERE g.town_id = x.town_id AND g.target_seq = x.seq AND b.kind IN ('r', 'R')
        ) AS reversed_minor
    FROM ledger.transfer AS x
    WHERE x.code = 'payout' AND x.kind NOT IN ('r', 'R')
) AS t
    ON t.town_id = p.town_id AND t.id = p.transfer_id
WHERE
    p.id IS NULL OR t.id IS NULL OR p.amount_minor <> t.amount_minor
    OR t.reversed_minor <> CASE p.state WHEN 'returned' THEN p.amount_minor ELSE 0 END;
