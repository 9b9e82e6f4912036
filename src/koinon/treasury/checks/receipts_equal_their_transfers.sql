-- Invariant: every receipt is a transfer of its amount between issuance and its fund's reserve, and the other way round.
-- Returns what breaks it, by how much; an empty answer is a pass.
SELECT
    coalesce(r.town_id, t.town_id) AS town_id, r.id AS receipt_id, t.id AS transfer_id,
    r.amount_minor AS receipt_minor, t.amount_minor AS transfer_minor
FROM treasury.receipt AS r
FULL JOIN (
    SELECT x.town_id, x.id, x.amount_minor, x.code, a.fund
    FROM ledger.transfer AS x
    INNER JOIN ledger.account AS a
        ON a.town_id = x.town_id
        AND a.id = CASE WHEN x.code = 'receive' THEN x.credit_account ELSE x.debit_account END
    WHERE x.code IN ('receive', 'withdraw') AND x.kind NOT IN ('r', 'R')
) AS t
    ON t.town_id = r.town_id AND t.id = r.transfer_id
WHERE
    r.id IS NULL OR t.id IS NULL OR r.amount_minor <> t.amount_minor OR r.fund IS DISTINCT FROM t.fund
    OR t.code <> CASE r.direction WHEN 'received' THEN 'receive' ELSE 'withdraw' END;
