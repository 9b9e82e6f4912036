-- Forget the access tokens of a client that have ended.
--
-- town_id integer, credential uuid, at timestamptz
DELETE FROM api.token
WHERE town_id = %(town_id)s AND credential = %(credential)s AND expires_at <= %(at)s;
