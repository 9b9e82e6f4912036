-- Make somebody who signs in.
--
-- username  text
-- email     text         may be empty
-- password  text         hashed
-- at        timestamptz
--
-- One row (id bigint), or none where the user name is taken. Locks nothing else.
INSERT INTO parties_user (
    username, email, password, first_name, last_name, language, is_staff, is_superuser, is_active, date_joined
)
VALUES (%(username)s, %(email)s, %(password)s, '', '', '', FALSE, FALSE, TRUE, %(at)s)
ON CONFLICT (username) DO NOTHING
RETURNING id;
