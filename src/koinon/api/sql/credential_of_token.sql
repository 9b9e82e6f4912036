-- The client that an access token was given to, as long as both are in force.
--
-- town_id integer, secret_digest bytea
--
-- At most one row, none where its party was erased: scopes and end are those of the token. Locks nothing.
SELECT
    credential.town_id, credential.id, credential.kind, credential.name, token.secret_digest,
    ARRAY(SELECT unnest(token.scopes) INTERSECT SELECT unnest(credential.scopes)) AS scopes,
    credential.party, credential.requests_per_second, least(token.expires_at, credential.expires_at) AS expires_at,
    town.slug AS town, town.unit_code AS unit, town.exponent::integer, sandbox.town_id IS NOT NULL AS sandbox,
    town.party_id AS town_party
FROM api.token AS token
INNER JOIN api.credential AS credential
    ON credential.town_id = token.town_id AND credential.id = token.credential
INNER JOIN parties_town AS town ON town.id = credential.town_id
LEFT JOIN api.sandbox AS sandbox ON sandbox.town_id = credential.town_id
WHERE
    token.town_id = %(town_id)s AND token.secret_digest = %(secret_digest)s
    AND token.expires_at > clock_timestamp() AND credential.revoked_at IS NULL
    AND (credential.expires_at IS NULL OR credential.expires_at > clock_timestamp())
    AND NOT EXISTS (SELECT FROM parties_party AS own WHERE own.id = credential.party AND own.erased_at IS NOT NULL);
