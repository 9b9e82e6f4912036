-- The household that shows most: many payments, and something left to spend.
--
-- town_id  integer
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
WHERE
    EXISTS (
        SELECT FROM ledger.account AS a
        WHERE
            a.town_id = %(town_id)s AND a.holder = paid.payer AND a.kind = 'purse'
            AND a.credits_posted > a.debits_posted
    )
ORDER BY paid.payments DESC, paid.payer
LIMIT 1;
