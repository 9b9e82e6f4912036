-- The shop that shows most: many sales, and a redemption.
--
-- town_id  integer
--
-- One row (party uuid), or none where nothing was sold. Locks nothing.
SELECT y.payee AS party
FROM payments.payment AS y
INNER JOIN parties_organisation AS o ON o.party_id = y.payee
WHERE
    y.town_id = %(town_id)s
    AND EXISTS (SELECT FROM treasury.redemption AS r WHERE r.town_id = y.town_id AND r.party = y.payee)
GROUP BY y.payee
ORDER BY count(*) DESC, y.payee
LIMIT 1;
