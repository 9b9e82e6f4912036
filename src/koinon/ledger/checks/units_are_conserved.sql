-- Invariant: units issued - redeemed - expired = units in escrows, purses and tills.
-- Returns the towns that break it; an empty answer is a pass.
WITH flow AS (
    SELECT t.town_id, a.unit,
           sum(CASE WHEN t.code = 'issue' THEN 1 WHEN t.code IN ('unissue', 'redeem', 'expire') THEN -1 ELSE 0 END
               * CASE WHEN t.reverses IS NULL THEN t.amount_minor ELSE -t.amount_minor END) AS minor
    FROM ledger.transfer AS t
    INNER JOIN ledger.account AS a ON a.town_id = t.town_id AND a.id = t.debit_account
    GROUP BY 1, 2
), stock AS (
    SELECT town_id, unit, sum(credits_posted - debits_posted) AS minor
    FROM ledger.account WHERE kind IN ('escrow', 'purse', 'till', 'clearing')
    GROUP BY 1, 2
)
SELECT stock.town_id, stock.unit, coalesce(flow.minor, 0) AS issued_and_not_returned_minor, stock.minor AS outstanding_minor
FROM stock LEFT JOIN flow USING (town_id, unit)
WHERE coalesce(flow.minor, 0) <> stock.minor;
