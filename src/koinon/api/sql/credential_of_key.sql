-- The key that a secret belongs to, as long as it is in force.
--
-- town_id integer, secret_digest bytea
--
-- At most one row, none where its party was erased. Locks nothing.
SELECT
    credential.town_id, credential.id, credential.kind, credential.name, credential.secret_digest, credential.scopes,
    credential.party, credential.requests_per_second, credential.expires_at,
    town.slug AS town, town.unit_code AS unit, town.exponent::integer, sandbox.town_id IS NOT NULL AS sandbox,
    town.party_id AS town_party
FROM api.credential AS credential
INNER JOIN parties_town AS town ON town.id = credential.town_id
LEFT JOIN api.sandbox AS sandbox ON sandbox.town_id = credential.town_id
WHERE
    credential.town_id = %(town_id)s AND credential.secret_digest = %(secret_digest)s AND credential.kind = 'key'
    AND credential.revoked_at IS NULL
    AND (credential.expires_at IS NULL OR credential.expires_at > clock_timestamp())
    AND NOT EXISTS (SELECT FROM parties_party AS own WHERE own.id = credential.party AND own.erased_at IS NOT NULL);
