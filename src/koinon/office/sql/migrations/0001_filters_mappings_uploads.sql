-- What the back office keeps for the people who work there.
SET LOCAL lock_timeout = '5s';

CREATE SCHEMA office;
COMMENT ON SCHEMA office IS 'Saved filters, remembered columns of imported lists, and files being looked at.';

CREATE TABLE office.saved_filter (
    town_id integer NOT NULL,
    id uuid NOT NULL,
    user_id bigint NOT NULL,
    table_name text NOT NULL,
    name text NOT NULL,
    query text NOT NULL,
    shared boolean NOT NULL DEFAULT FALSE,
    saved_at timestamptz NOT NULL,
    CONSTRAINT saved_filter_pkey PRIMARY KEY (town_id, id),
    CONSTRAINT a_name_once_for_each_list UNIQUE (town_id, user_id, table_name, name),
    CONSTRAINT table_name_is_a_code CHECK (table_name ~ '^[a-z][a-z0-9-]{1,60}$'),
    CONSTRAINT name_is_short CHECK (length(name) BETWEEN 1 AND 60),
    CONSTRAINT query_is_bounded CHECK (length(query) <= 4000)
);
COMMENT ON TABLE office.saved_filter IS 'How somebody likes to see a list.';
COMMENT ON COLUMN office.saved_filter.user_id IS 'Whose it is; parties_user.';
COMMENT ON COLUMN office.saved_filter.query IS 'Filters, order and columns as the address of the page holds them. May hold words searched for, so it is never shown to others unless shared.';
COMMENT ON COLUMN office.saved_filter.shared IS 'Whether everybody of the town''s staff sees it.';

CREATE TABLE office.column_mapping (
    town_id integer NOT NULL,
    kind text NOT NULL,
    headings_digest bytea NOT NULL,
    columns jsonb NOT NULL,
    meanings jsonb NOT NULL,
    saved_by text NOT NULL,
    saved_at timestamptz NOT NULL,
    CONSTRAINT column_mapping_pkey PRIMARY KEY (town_id, kind, headings_digest),
    CONSTRAINT kind_is_a_code CHECK (kind ~ '^[a-z][a-z0-9-]{1,40}$'),
    CONSTRAINT saved_by_is_opaque CHECK (saved_by ~ '^[A-Za-z0-9:._/#-]{1,80}$')
);
COMMENT ON TABLE office.column_mapping IS 'Which heading of an imported list is which field, remembered for lists with the same headings.';
COMMENT ON COLUMN office.column_mapping.headings_digest IS 'SHA-256 of the folded headings in their order.';
COMMENT ON COLUMN office.column_mapping.columns IS 'Field to heading.';
COMMENT ON COLUMN office.column_mapping.meanings IS 'Field to word to what it means, for fields with a closed list of values.';

CREATE TABLE office.upload (
    town_id integer NOT NULL,
    id uuid NOT NULL,
    user_id bigint NOT NULL,
    kind text NOT NULL,
    file_name text NOT NULL,
    key_id text NOT NULL,
    sealed bytea NOT NULL,
    sent_at timestamptz NOT NULL,
    CONSTRAINT upload_pkey PRIMARY KEY (town_id, id),
    CONSTRAINT upload_kind_is_a_code CHECK (kind ~ '^[a-z][a-z0-9-]{1,40}$')
);
COMMENT ON TABLE office.upload IS 'Lists sent to be looked at before they are taken in: sealed, for one person, for an hour.';
COMMENT ON COLUMN office.upload.sealed IS 'The file, AES-256-GCM under a key outside the database.';
CREATE INDEX upload_by_age ON office.upload (sent_at);
COMMENT ON INDEX office.upload_by_age IS 'Serves office/sql/forget_uploads.sql.';

GRANT USAGE ON SCHEMA office TO koinon_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON office.saved_filter, office.column_mapping, office.upload TO koinon_app;
