-- A file that somebody sent, while it is kept.
--
-- town_id integer, id uuid, user_id bigint, since timestamptz
--
-- At most one row (kind text, file_name text, key_id text, sealed bytea, sent_at timestamptz). Locks nothing.
SELECT kind, file_name, key_id, sealed, sent_at
FROM office.upload
WHERE town_id = %(town_id)s AND id = %(id)s AND user_id = %(user_id)s AND sent_at > %(since)s;
