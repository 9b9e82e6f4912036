-- Invariant: a captured hold has exactly one transfer of the captured amount between the same accounts; others none.
-- Returns the holds that break it; an empty answer is a pass.
SELECT h.town_id, h.id AS hold_id, h.state, h.captured_minor, count(t.id) AS transfers, sum(t.amount_minor) AS moved_minor
FROM ledger.hold AS h
LEFT JOIN ledger.transfer AS t
    ON t.town_id = h.town_id AND t.hold_id = h.id
    AND t.debit_account = h.debit_account AND t.credit_account = h.credit_account
GROUP BY h.town_id, h.id
HAVING count(t.id) <> (h.state = 'captured')::integer OR coalesce(sum(t.amount_minor), 0) <> h.captured_minor;
