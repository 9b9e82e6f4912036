-- Invariant: every transfer ran between accounts of one unit, on a route its code may take (a reversal on it backwards).
-- Returns the transfers that break it; an empty answer is a pass.
SELECT t.town_id, t.id AS transfer_id, t.code, d.kind AS debit_kind, c.kind AS credit_kind
FROM ledger.transfer AS t
INNER JOIN ledger.account AS d ON d.town_id = t.town_id AND d.id = t.debit_account
INNER JOIN ledger.account AS c ON c.town_id = t.town_id AND c.id = t.credit_account
LEFT JOIN ledger.route AS r
    ON r.code = t.code
    AND r.debit_kind = CASE WHEN t.reverses IS NULL THEN d.kind ELSE c.kind END
    AND r.credit_kind = CASE WHEN t.reverses IS NULL THEN c.kind ELSE d.kind END
WHERE r.code IS NULL OR d.unit <> c.unit;
