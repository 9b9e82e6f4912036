-- Ask for a right on behalf of a colleague, unless it is asked for and waits.
--
-- id uuid, town_id integer, user_id bigint, what text, role text, asked_by bigint, at timestamptz
INSERT INTO parties_rightrequest (id, town_id, user_id, what, role, asked_by_id, asked_at, outcome)
VALUES (%(id)s, %(town_id)s, %(user_id)s, %(what)s, %(role)s, %(asked_by)s, %(at)s, '')
ON CONFLICT (town_id, user_id, what, role) WHERE outcome = '' DO NOTHING;
