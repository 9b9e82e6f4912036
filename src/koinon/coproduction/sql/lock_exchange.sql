-- Lock an exchange until the transaction ends.
--
-- town_id integer, id uuid
SELECT id FROM coproduction.time_exchange
WHERE town_id = %(town_id)s AND id = %(id)s
FOR NO KEY UPDATE;
