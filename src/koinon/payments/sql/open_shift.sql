-- The open shift of a cashier, or (null) of a shop without any; at most one row.
--
-- town_id integer, payee uuid, cashier uuid or null
SELECT s.id
FROM payments.shift AS s
WHERE
    s.town_id = %(town_id)s AND s.payee = %(payee)s AND s.closed_at IS NULL
    AND s.cashier IS NOT DISTINCT FROM %(cashier)s::uuid;
