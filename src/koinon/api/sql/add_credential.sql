-- Keep a credential, of its secret only the hash.
--
-- town_id integer, id uuid, kind text, name text, secret_digest bytea, scopes text[], party uuid or null,
-- requests_per_second integer, at timestamptz, actor text, expires_at timestamptz or null
INSERT INTO api.credential (
    town_id, id, kind, name, secret_digest, scopes, party, requests_per_second, created_at, created_by, expires_at
)
VALUES (
    %(town_id)s, %(id)s, %(kind)s, %(name)s, %(secret_digest)s, %(scopes)s::text[], %(party)s,
    %(requests_per_second)s, %(at)s, %(actor)s, %(expires_at)s
);
