-- Every credential of a town, newest first, those that were revoked too.
--
-- town_id integer
SELECT
    id, kind, name, scopes, party, requests_per_second, created_at, created_by, expires_at, revoked_at
FROM api.credential
WHERE town_id = %(town_id)s
ORDER BY id DESC;
