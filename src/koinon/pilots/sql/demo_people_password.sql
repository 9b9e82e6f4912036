-- The hashed password of a user of the demonstration.
--
-- name  text  user name
--
-- One row (password text), or none. Locks nothing.
SELECT password FROM parties_user WHERE username = %(name)s;
