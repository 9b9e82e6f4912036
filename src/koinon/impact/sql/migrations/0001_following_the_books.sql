-- What the tracing of each town's books has come to, so that a new minute extends the last one.
SET LOCAL lock_timeout = '5s';

CREATE SCHEMA impact;
COMMENT ON SCHEMA impact IS 'What became of each unit, computed from the books; all of it can be deleted and computed again.';

CREATE TABLE impact.followed (
    town_id integer NOT NULL,
    convention text NOT NULL,
    seq_to bigint NOT NULL,
    rows bigint NOT NULL,
    known bytea NOT NULL,
    state bytea NOT NULL,
    result jsonb NOT NULL,
    digest text NOT NULL,
    began_at timestamptz NOT NULL,
    followed_at timestamptz NOT NULL,
    followed_by text NOT NULL,
    CONSTRAINT followed_pkey PRIMARY KEY (town_id, convention),
    CONSTRAINT convention_is_known CHECK (convention IN ('fifo', 'lifo', 'mixing')),
    CONSTRAINT rows_are_counted CHECK (rows >= 0 AND seq_to >= 0),
    CONSTRAINT digest_is_sha256 CHECK (digest ~ '^[0-9a-f]{64}$'),
    CONSTRAINT followed_by_is_opaque CHECK (followed_by ~ '^[A-Za-z0-9:._/#-]{1,80}$')
);
COMMENT ON TABLE impact.followed IS 'How far a town''s books were followed under a convention, what is needed to go on, and what it says so far.';
COMMENT ON COLUMN impact.followed.convention IS 'Which of the units in a purse are paid first; docs/algorithms/tracing.md.';
COMMENT ON COLUMN impact.followed.seq_to IS 'Rows of the journal below this one are in it; never more than is sealed.';
COMMENT ON COLUMN impact.followed.rows IS 'How many movements touched circulation so far.';
COMMENT ON COLUMN impact.followed.known IS 'What the numbers of places, labels and cohorts in state mean; opaque ids.';
COMMENT ON COLUMN impact.followed.state IS 'The lots in every place at seq_to, as koinon.impact.tracing packs them, with a digest of their own; empty where all is computed anew (mixing).';
COMMENT ON COLUMN impact.followed.result IS 'What the trace says: cohorts, flows by label, paths by label. Exact and therefore for the staff; what is published passes disclosure control.';
COMMENT ON COLUMN impact.followed.digest IS 'SHA-256 of the result''s canonical bytes: the same whether it was followed minute by minute or computed at once.';
COMMENT ON COLUMN impact.followed.began_at IS 'When it was last begun from the first row.';
COMMENT ON COLUMN impact.followed.followed_at IS 'When it was last brought up to date.';

CREATE TABLE impact.cohort (
    town_id integer NOT NULL,
    convention text NOT NULL,
    name text NOT NULL,
    place integer NOT NULL,
    issued_minor bigint NOT NULL,
    held_minor bigint NOT NULL,
    redeemed_minor bigint NOT NULL,
    expired_minor bigint NOT NULL,
    withdrawn_minor bigint NOT NULL,
    volume_minor bigint NOT NULL,
    CONSTRAINT cohort_pkey PRIMARY KEY (town_id, convention, name),
    CONSTRAINT cohort_is_of_what_was_followed FOREIGN KEY (town_id, convention)
    REFERENCES impact.followed (town_id, convention) ON DELETE CASCADE
);
COMMENT ON TABLE impact.cohort IS 'Of each fund and month what became of the units given out then, in minor units; lots only, where every unit is a whole one.';
COMMENT ON COLUMN impact.cohort.name IS 'Code of the fund and month, such as aid 2027-03; or unknown origin.';
COMMENT ON COLUMN impact.cohort.place IS 'In the order in which the books first named it; unknown origin comes last.';
COMMENT ON COLUMN impact.cohort.volume_minor IS 'Value of the payments that these units took part in, less what was given back.';

GRANT USAGE ON SCHEMA impact TO koinon_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON impact.followed, impact.cohort TO koinon_app;
