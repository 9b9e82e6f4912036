-- Invariant: all reversals of a transfer together undo at most its amount, the other way round, under its code.
-- Returns the originals that break it; an empty answer is a pass.
SELECT first.town_id, first.id AS transfer_id, first.amount_minor, sum(undo.amount_minor) AS reversed_minor
FROM ledger.transfer AS undo
INNER JOIN ledger.transfer AS first ON first.town_id = undo.town_id AND first.id = undo.reverses
GROUP BY first.town_id, first.id
HAVING sum(undo.amount_minor) > first.amount_minor
    OR bool_or(undo.debit_account <> first.credit_account OR undo.credit_account <> first.debit_account)
    OR bool_or(undo.code <> first.code OR first.reverses IS NOT NULL);
