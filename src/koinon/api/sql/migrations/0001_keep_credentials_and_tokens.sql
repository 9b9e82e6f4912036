-- Who may use the API: keys and clients of a town, and the access tokens that clients were given.
SET LOCAL lock_timeout = '5s';

CREATE SCHEMA api;
COMMENT ON SCHEMA api IS 'Credentials of machines, of which only hashes of secrets are kept.';

CREATE TABLE api.credential (
    town_id integer NOT NULL,
    id uuid NOT NULL,
    kind text NOT NULL,
    name text NOT NULL,
    secret_digest bytea NOT NULL,
    scopes text[] NOT NULL,
    party uuid,
    requests_per_second integer NOT NULL,
    created_at timestamptz NOT NULL,
    created_by text NOT NULL,
    expires_at timestamptz,
    revoked_at timestamptz,
    revoked_by text,
    CONSTRAINT credential_pkey PRIMARY KEY (town_id, id),
    CONSTRAINT secret_is_of_one UNIQUE (town_id, secret_digest),
    CONSTRAINT kind_is_known CHECK (kind IN ('key', 'client')),
    CONSTRAINT name_is_a_label CHECK (name ~ '^[^[:cntrl:]]{1,80}$'),
    CONSTRAINT secret_is_hashed CHECK (octet_length(secret_digest) = 32),
    CONSTRAINT scopes_are_some CHECK (cardinality(scopes) BETWEEN 1 AND 50),
    CONSTRAINT rate_is_positive CHECK (requests_per_second BETWEEN 1 AND 1000000),
    CONSTRAINT created_by_is_opaque CHECK (created_by ~ '^[A-Za-z0-9:._/#-]{1,80}$'),
    CONSTRAINT revoked_by_somebody CHECK (num_nulls(revoked_at, revoked_by) IN (0, 2))
);
COMMENT ON TABLE api.credential IS 'A key, or a client that buys access tokens. A row is never deleted: who did what stays known.';
COMMENT ON COLUMN api.credential.name IS 'What the town calls it: the program or the till, never a person.';
COMMENT ON COLUMN api.credential.secret_digest IS 'SHA-256 of a secret of 256 random bits, which is shown once and kept nowhere.';
COMMENT ON COLUMN api.credential.party IS 'The one party it acts for; NULL for a credential of the town as a whole.';
COMMENT ON COLUMN api.credential.requests_per_second IS 'Sustained rate, counted by each process that serves the API.';

CREATE TABLE api.token (
    town_id integer NOT NULL,
    secret_digest bytea NOT NULL,
    credential uuid NOT NULL,
    scopes text[] NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    CONSTRAINT token_pkey PRIMARY KEY (town_id, secret_digest),
    CONSTRAINT token_is_of_a_credential FOREIGN KEY (town_id, credential) REFERENCES api.credential (town_id, id),
    CONSTRAINT secret_is_hashed CHECK (octet_length(secret_digest) = 32)
);
COMMENT ON TABLE api.token IS 'Access tokens (RFC 6749) in force; those that ended go when their client asks for the next.';
CREATE INDEX token_by_credential ON api.token (town_id, credential, expires_at);
COMMENT ON INDEX api.token_by_credential IS 'Serves api/sql/forget_tokens.sql.';

CREATE TABLE api.sandbox (
    town_id integer NOT NULL,
    made_at timestamptz NOT NULL,
    CONSTRAINT sandbox_pkey PRIMARY KEY (town_id)
);
COMMENT ON TABLE api.sandbox IS 'Towns made for trying the API. Their money is play money, in the unit XTS that ISO 4217 keeps for tests.';

GRANT USAGE ON SCHEMA api TO koinon_app;
GRANT SELECT, INSERT ON api.credential, api.token, api.sandbox TO koinon_app;
GRANT UPDATE (revoked_at, revoked_by) ON api.credential TO koinon_app;
GRANT DELETE ON api.token TO koinon_app;
