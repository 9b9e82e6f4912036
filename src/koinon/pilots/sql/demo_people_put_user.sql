-- Make a user of the demonstration, or set the password of the one there is.
--
-- name      text
-- email     text
-- password  text         hashed
-- at        timestamptz
--
-- One row (id integer). Locks the user's row; a password that is the same is written again.
INSERT INTO parties_user (
    username, email, password, first_name, last_name, language, is_staff, is_superuser, is_active, date_joined
)
VALUES (%(name)s, %(email)s, %(password)s, '', '', '', FALSE, FALSE, TRUE, %(at)s)
ON CONFLICT (username) DO UPDATE SET password = excluded.password
RETURNING id;
