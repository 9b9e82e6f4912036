-- Invariant: every redemption is a transfer of its amount out of its business's till, and the other way
-- round; one that was undone is wholly reversed.
-- Returns what breaks it; an empty answer is a pass.
SELECT
    coalesce(r.town_id, t.town_id) AS town_id, r.id AS redemption_id, t.id AS transfer_id,
    r.amount_minor AS redemption_minor, t.amount_minor AS transfer_minor, t.reversed_minor
FROM treasury.redemption AS r
FULL JOIN (
    SELECT
        x.town_id, x.id, x.amount_minor, a.holder,
        (
            SELECT coalesce(sum(b.amount_minor), 0)
            FROM ledger.target AS g
            INNER JOIN ledger.transfer AS b ON b.town_id = g.town_id AND b.seq = g.seq
            WHERE g.town_id = x.town_id AND g.target_seq = x.seq AND b.kind IN ('r', 'R')
        ) AS reversed_minor
    FROM ledger.transfer AS x
    INNER JOIN ledger.account AS a ON a.town_id = x.town_id AND a.id = x.debit_account
    WHERE x.code = 'redeem' AND x.kind NOT IN ('r', 'R')
) AS t
    ON t.town_id = r.town_id AND t.id = r.transfer_id
WHERE
    r.id IS NULL OR t.id IS NULL OR r.amount_minor <> t.amount_minor OR r.party <> t.holder
    OR t.reversed_minor <> CASE WHEN r.undone_at IS NULL THEN 0 ELSE r.amount_minor END;
