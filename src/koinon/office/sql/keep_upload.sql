-- Keep a sealed file for the time in which somebody looks at it.
--
-- town_id integer, id uuid, user_id bigint, kind text, file_name text, key_id text, sealed bytea, at timestamptz
INSERT INTO office.upload (town_id, id, user_id, kind, file_name, key_id, sealed, sent_at)
VALUES (%(town_id)s, %(id)s, %(user_id)s, %(kind)s, %(file_name)s, %(key_id)s, %(sealed)s, %(at)s);
