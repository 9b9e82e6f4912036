-- Lock a programme until the transaction ends: two who prepare one month take turns.
--
-- town_id integer, programme_id uuid
SELECT id FROM programmes_programme
WHERE town_id = %(town_id)s AND id = %(programme_id)s
FOR NO KEY UPDATE;
