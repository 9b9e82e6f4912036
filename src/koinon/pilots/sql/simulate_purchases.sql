-- The purchases of a simulated day that nothing was given back of yet.
--
-- town_id  integer
-- ids      uuid[]   the ids of what the day meant to do
--
-- One row (id uuid, payer uuid, payee uuid, minor bigint) for each payment that a
-- household made. Locks nothing. The legs of a payment stand side by side from the first on.
SELECT paid.id, debit.holder AS payer, credit.holder AS payee, sum(leg.amount_minor)::bigint AS minor
FROM unnest(%(ids)s::uuid []) AS meant (id)
INNER JOIN ledger.transfer AS paid
    ON paid.town_id = %(town_id)s AND paid.id = meant.id AND paid.code = 'pay' AND paid.kind = 't'
INNER JOIN ledger.transfer AS leg
    ON leg.town_id = paid.town_id AND leg.seq >= paid.seq AND leg.seq < paid.seq + paid.legs
INNER JOIN ledger.account AS debit ON debit.town_id = paid.town_id AND debit.id = paid.debit_account
INNER JOIN ledger.account AS credit ON credit.town_id = paid.town_id AND credit.id = paid.credit_account
INNER JOIN parties_household AS household ON household.party_id = debit.holder
WHERE
    NOT EXISTS (
        SELECT FROM ledger.target AS back
        WHERE back.town_id = paid.town_id AND back.target_seq >= paid.seq AND back.target_seq < paid.seq + paid.legs
    )
GROUP BY paid.id, debit.holder, credit.holder
ORDER BY paid.id;
