-- Invariant: every hold is the one that its line in the journal says, and every such line has its hold.
-- Returns the holds and lines that break it; an empty answer is a pass.
SELECT coalesce(h.town_id, line.town_id) AS town_id, h.id AS hold_id, line.id AS line_id,
       h.amount_minor, line.amount_minor AS journal_minor
FROM ledger.hold AS h
FULL JOIN (SELECT * FROM ledger.journal WHERE kind = 'h') AS line ON line.town_id = h.town_id AND line.seq = h.seq
WHERE (h.id, h.debit_account, h.credit_account, h.amount_minor, h.code, h.effective_at)
      IS DISTINCT FROM (line.id, line.debit_account, line.credit_account, line.amount_minor, line.code, line.effective_at);
