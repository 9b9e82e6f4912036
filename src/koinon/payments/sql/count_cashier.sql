-- Write how many PINs of a cashier in a row were looked at and not right.
--
-- town_id integer, id uuid, counted integer, at timestamptz
UPDATE payments.cashier AS c SET counted = %(counted)s, last_at = %(at)s
WHERE c.town_id = %(town_id)s AND c.id = %(id)s;
