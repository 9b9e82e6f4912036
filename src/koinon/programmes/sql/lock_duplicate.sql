-- Lock a pair until the transaction ends; read it in the next statement.
--
-- town_id integer, pair_id uuid
SELECT id FROM programmes_duplicatepair
WHERE town_id = %(town_id)s AND id = %(pair_id)s
FOR NO KEY UPDATE;
