-- The household that shows most: many payments, and something left to spend.
--
-- town_id  integer
--
-- One row (party uuid), or none where nobody has paid. Locks nothing.
SELECT y.payer AS party
FROM payments.payment AS y
INNER JOIN parties_household AS h ON h.party_id = y.payer
INNER JOIN ledger.account AS a
    ON a.town_id = y.town_id AND a.holder = y.payer AND a.kind = 'purse' AND a.credits_posted > a.debits_posted
WHERE y.town_id = %(town_id)s
GROUP BY y.payer
ORDER BY count(DISTINCT y.id) DESC, y.payer
LIMIT 1;
