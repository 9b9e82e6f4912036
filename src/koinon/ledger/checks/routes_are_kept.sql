-- Invariant: every line runs between two different accounts of the town in one unit, on a route its code may take (a reversal backwards).
-- Returns the lines that break it; an empty answer is a pass.
SELECT line.town_id, line.id AS line_id, line.kind, code.name AS code, d.kind AS debit_kind, c.kind AS credit_kind
FROM ledger.journal AS line
LEFT JOIN ledger.account AS d ON d.town_id = line.town_id AND d.id = line.debit_account
LEFT JOIN ledger.account AS c ON c.town_id = line.town_id AND c.id = line.credit_account
LEFT JOIN ledger.code AS code ON code.number = line.code
LEFT JOIN ledger.route AS r
    ON r.code = code.name
    AND r.debit_kind = CASE WHEN line.kind IN ('r', 'R') THEN c.kind ELSE d.kind END
    AND r.credit_kind = CASE WHEN line.kind IN ('r', 'R') THEN d.kind ELSE c.kind END
WHERE r.code IS NULL OR d.unit <> c.unit OR d.id = c.id;
