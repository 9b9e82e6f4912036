-- Keep the hash of a cashier's PIN in place of the one before, and begin the tries anew.
--
-- town_id integer, id uuid, pin_hash text
UPDATE payments.cashier AS c SET pin_hash = %(pin_hash)s, counted = 0
WHERE c.town_id = %(town_id)s AND c.id = %(id)s AND c.ended_at IS NULL;
