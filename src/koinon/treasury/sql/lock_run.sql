-- Lock a run until the transaction ends. Its state is read by the next statement.
--
-- town_id  integer
-- run      uuid
SELECT u.id FROM treasury.run AS u
WHERE u.town_id = %(town_id)s AND u.id = %(run)s
FOR NO KEY UPDATE;
