-- Those who work at a shop's tills now.
--
-- town_id integer, payee uuid
SELECT c.id, c.payee, c.role, c.sealed_name, c.pin_hash, c.counted, c.last_at, c.made_at, c.ended_at
FROM payments.cashier AS c
WHERE c.town_id = %(town_id)s AND c.payee = %(payee)s AND c.ended_at IS NULL
ORDER BY c.id;
