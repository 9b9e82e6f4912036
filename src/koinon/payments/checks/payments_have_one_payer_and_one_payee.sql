-- Invariant: what was posted together under code pay has one payer, one payee who is somebody else, and is one thing: a payment, a hold, a capture (what it left of its hold after it), a release or a refund.
-- Returns the groups that break it; an empty answer is a pass.
SELECT
    line.town_id, line.seq - line.leg AS group_seq, count(DISTINCT payer.holder) AS payers,
    count(DISTINCT payee.holder) AS payees, string_agg(DISTINCT line.kind::text, '') AS kinds
FROM ledger.journal AS line
INNER JOIN ledger.account AS payer ON payer.town_id = line.town_id AND payer.id = line.debit_account
INNER JOIN ledger.account AS payee ON payee.town_id = line.town_id AND payee.id = line.credit_account
WHERE line.code = 6
GROUP BY line.town_id, line.seq - line.leg
HAVING
    count(DISTINCT payer.holder) <> 1
    OR count(DISTINCT payee.holder) <> 1
    OR min(payer.holder::text) = min(payee.holder::text)
    OR count(*) <> max(line.legs)
    OR string_agg(DISTINCT line.kind::text, '' ORDER BY line.kind::text) NOT IN ('t', 'h', 'C', 'c', 'cg', 'g', 'r', 'R')
    OR bool_or(line.kind = 'g' AND line.leg = 0) AND bool_or(line.kind <> 'g');
