-- Invariant: every fee of a redemption is a transfer of its amount into the town's own till, and the other way round;
-- one that was given back is wholly reversed.
-- Returns what breaks it; an empty answer is a pass.
SELECT
    coalesce(r.town_id, t.town_id) AS town_id, r.id AS redemption_id, t.id AS transfer_id,
    r.fee_minor, t.amount_minor AS transfer_minor, t.reversed_minor
FROM (SELECT * FROM treasury.redemption WHERE fee_transfer_id IS NOT NULL) AS r
FULL JOIN (
    SELECT
        x.town_id, x.id, x.amount_minor, d.holder,
        (
            SELECT coalesce(sum(b.amount_minor), 0)
            FROM ledger.target AS g
            INNER JOIN ledger.transfer AS b ON b.town_id = g.town_id AND b.seq = g.seq
            WHERE g.town_id = x.town_id AND g.target_seq = x.seq AND b.kind IN ('r', 'R')
        ) AS reversed_minor
    FROM ledger.transfer AS x
    INNER JOIN ledger.account AS d ON d.town_id = x.town_id AND d.id = x.debit_account
    WHERE x.code = 'fee' AND x.kind NOT IN ('r', 'R') AND x.reference LIKE 'redemption:%'
) AS t
    ON t.town_id = r.town_id AND t.id = r.fee_transfer_id
WHERE
    r.id IS NULL OR t.id IS NULL OR r.fee_minor <> t.amount_minor OR r.party <> t.holder
    OR t.reversed_minor <> CASE WHEN r.fee_undo_transfer_id IS NULL THEN 0 ELSE r.fee_minor END;
