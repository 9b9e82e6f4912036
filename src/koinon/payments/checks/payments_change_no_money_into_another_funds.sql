-- Invariant: what is paid from money of a fund arrives as money of that fund or as free money, and free money stays free.
-- Returns the transfers that break it; an empty answer is a pass.
SELECT line.town_id, line.id AS transfer_id, payer.fund AS paid_from, payee.fund AS arrived_in
FROM ledger.journal AS line
INNER JOIN ledger.account AS payer ON payer.town_id = line.town_id AND payer.id = line.debit_account
INNER JOIN ledger.account AS payee ON payee.town_id = line.town_id AND payee.id = line.credit_account
WHERE line.code = 6 AND line.kind IN ('t', 'h', 'c', 'C') AND payee.fund IS NOT NULL AND payee.fund IS DISTINCT FROM payer.fund;
