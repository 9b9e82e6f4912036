-- Lock a file until the transaction ends; what it is is read by the next statement.
--
-- town_id, digest
SELECT f.id FROM banking.file AS f WHERE f.town_id = %(town_id)s AND f.digest = %(digest)s FOR NO KEY UPDATE;
