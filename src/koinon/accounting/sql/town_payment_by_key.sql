-- The id of the payment that was prepared with this key.
--
-- town_id integer, key text
SELECT id FROM accounting.town_payment WHERE town_id = %(town_id)s AND key = %(key)s;
