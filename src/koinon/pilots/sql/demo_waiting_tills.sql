-- Shops that were paid out before and have most in their tills, for the payout that waits in a demonstration.
--
-- town_id      integer
-- least_minor  bigint   what a till must have
-- most         integer  how many
--
-- One row (party uuid, available_minor bigint) for each, the fullest till first. Locks nothing.
SELECT a.holder AS party, a.credits_posted - a.debits_posted - a.debits_held AS available_minor
FROM ledger.account AS a
INNER JOIN parties_party AS p ON p.id = a.holder
WHERE
    a.town_id = %(town_id)s AND a.kind = 'till' AND a.fund IS NULL AND a.closed_at IS NULL AND p.erased_at IS NULL
    AND a.credits_posted - a.debits_posted - a.debits_held >= %(least_minor)s
    AND EXISTS (
        SELECT FROM treasury.payment AS b
        WHERE b.town_id = a.town_id AND b.party = a.holder AND b.state = 'paid'
    )
ORDER BY available_minor DESC, a.holder
LIMIT %(most)s;
