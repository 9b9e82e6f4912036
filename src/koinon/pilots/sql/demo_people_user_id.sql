-- The number of a user.
--
-- name  text  user name
--
-- One row (id integer), or none. Locks nothing.
SELECT id FROM parties_user WHERE username = %(name)s;
