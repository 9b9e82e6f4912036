-- What became of a charge; no row while it was neither paid nor given up.
--
-- town_id integer, payee uuid, key uuid
SELECT c.key, c.payment, c.amount_minor, c.unit, c.shift, c.without_pin, c.at
FROM payments.charge AS c
WHERE c.town_id = %(town_id)s AND c.payee = %(payee)s AND c.key = %(key)s;
