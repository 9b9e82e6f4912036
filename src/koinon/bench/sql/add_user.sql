-- Somebody who signs in to the site that is measured.
--
-- name text, password text (hashed), at timestamptz
--
-- One row (id integer).
INSERT INTO parties_user (
    username, email, password, first_name, last_name, language, is_staff, is_superuser, is_active, date_joined
)
VALUES (%(name)s, '', %(password)s, '', '', '', FALSE, FALSE, TRUE, %(at)s)
RETURNING id;
