-- The household that shows most: enough left for a purchase at the till, and many payments.
--
-- town_id       integer
-- enough_minor  bigint   what is enough; where nobody has it, whoever has anything left is taken
--
-- One row (party uuid), or none where nobody has paid. Locks nothing.
SELECT paid.payer AS party
FROM (
    SELECT d.holder AS payer, count(DISTINCT t.group_seq) AS payments
    FROM ledger.transfer AS t
    INNER JOIN ledger.account AS d ON d.town_id = t.town_id AND d.id = t.debit_account
    WHERE t.town_id = %(town_id)s AND t.code = 'pay' AND t.kind NOT IN ('r', 'R')
    GROUP BY d.holder
) AS paid
INNER JOIN parties_household AS h ON h.party_id = paid.payer
INNER JOIN (
    SELECT a.holder, sum(a.credits_posted - a.debits_posted - a.debits_held) AS minor
    FROM ledger.account AS a
    WHERE a.town_id = %(town_id)s AND a.kind = 'purse' AND a.closed_at IS NULL
    GROUP BY a.holder
) AS has ON has.holder = paid.payer
WHERE has.minor > 0
ORDER BY has.minor >= %(enough_minor)s DESC, paid.payments DESC, paid.payer
LIMIT 1;
