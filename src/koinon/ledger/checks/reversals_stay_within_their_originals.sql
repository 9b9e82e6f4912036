-- Invariant: all reversals of a transfer together undo at most its amount, the other way round, under its code.
-- Returns the originals that break it; an empty answer is a pass.
SELECT first.town_id, first.id AS transfer_id, first.amount_minor, sum(undo.amount_minor) AS reversed_minor
FROM ledger.target AS aim
INNER JOIN ledger.journal AS undo ON undo.town_id = aim.town_id AND undo.seq = aim.seq AND undo.kind IN ('r', 'R')
INNER JOIN ledger.journal AS first ON first.town_id = aim.town_id AND first.seq = aim.target_seq
GROUP BY first.town_id, first.seq, first.id, first.amount_minor
HAVING sum(undo.amount_minor) > first.amount_minor
    OR bool_or(undo.debit_account <> first.credit_account OR undo.credit_account <> first.debit_account)
    OR bool_or(undo.code <> first.code)
    OR bool_or(undo.kind = 'R') AND sum(undo.amount_minor) <> first.amount_minor;
