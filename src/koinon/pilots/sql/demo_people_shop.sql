-- The shop that shows most: many sales, and a redemption.
--
-- town_id  integer
--
-- One row (party uuid), or none where nothing was sold. Locks nothing.
SELECT sold.payee AS party
FROM (
    SELECT c.holder AS payee, count(DISTINCT t.group_seq) AS payments
    FROM ledger.transfer AS t
    INNER JOIN ledger.account AS c ON c.town_id = t.town_id AND c.id = t.credit_account
    WHERE t.town_id = %(town_id)s AND t.code = 'pay' AND t.kind NOT IN ('r', 'R')
    GROUP BY c.holder
) AS sold
INNER JOIN parties_organisation AS o ON o.party_id = sold.payee
WHERE EXISTS (SELECT FROM treasury.redemption AS r WHERE r.town_id = %(town_id)s AND r.party = sold.payee)
ORDER BY sold.payments DESC, sold.payee
LIMIT 1;
