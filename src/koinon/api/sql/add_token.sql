-- Keep an access token, of its secret only the hash.
--
-- town_id integer, secret_digest bytea, credential uuid, scopes text[], at timestamptz, expires_at timestamptz
INSERT INTO api.token (town_id, secret_digest, credential, scopes, created_at, expires_at)
VALUES (%(town_id)s, %(secret_digest)s, %(credential)s, %(scopes)s::text[], %(at)s, %(expires_at)s);
