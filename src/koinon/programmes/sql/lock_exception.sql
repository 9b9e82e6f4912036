-- Lock an exception until the transaction ends; read it in the next statement.
--
-- town_id integer, exception_id uuid
SELECT exception.id
FROM programmes_aidexception AS exception
INNER JOIN programmes_programme AS programme ON programme.id = exception.programme_id
WHERE programme.town_id = %(town_id)s AND exception.id = %(exception_id)s
FOR NO KEY UPDATE OF exception;
