-- The purchases of a simulated day that nothing was given back of yet.
--
-- town_id  integer
-- prefix   text     how the day's idempotency keys begin
--
-- One row (id uuid, key text, payer uuid, payee uuid, minor bigint) for each payment
-- that a household made, in the order of the day. Locks nothing.
SELECT y.id, y.key, y.payer, y.payee, y.amount_minor AS minor
FROM payments.payment AS y
INNER JOIN parties_household AS h ON h.party_id = y.payer
WHERE
    y.town_id = %(town_id)s
    AND starts_with(y.key, %(prefix)s)
    AND y.refunded_minor = 0
ORDER BY y.effective_at, y.key;
