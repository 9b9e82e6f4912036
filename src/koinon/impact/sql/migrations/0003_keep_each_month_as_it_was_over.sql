-- What became of each unit by the end of each month: kept once the month is over, and never changed after that.
SET LOCAL lock_timeout = '5s';

CREATE TABLE impact.month_trace (
    town_id integer NOT NULL,
    month text NOT NULL,
    convention text NOT NULL,
    seq_to bigint NOT NULL,
    rows bigint NOT NULL,
    result jsonb NOT NULL,
    digest text NOT NULL,
    traced_at timestamptz NOT NULL,
    traced_by text NOT NULL,
    CONSTRAINT month_trace_pkey PRIMARY KEY (town_id, month, convention),
    CONSTRAINT month_is_a_month CHECK (month ~ '^[0-9]{4}-(0[1-9]|1[0-2])$'),
    CONSTRAINT month_convention_is_known CHECK (convention IN ('fifo', 'mixing')),
    CONSTRAINT month_digest_is_sha256 CHECK (digest ~ '^[0-9a-f]{64}$'),
    CONSTRAINT traced_by_is_opaque CHECK (traced_by ~ '^[A-Za-z0-9:._/#-]{1,80}$')
);
COMMENT ON TABLE impact.month_trace IS 'A town''s trace as it stood at the end of a month, by what had happened then: what is published of a month that is over does not change with what happens later.';
COMMENT ON COLUMN impact.month_trace.seq_to IS 'Rows of the journal from here on were not there when it was made.';
COMMENT ON COLUMN impact.month_trace.rows IS 'How many movements it has: those that happened before the month ended.';
COMMENT ON COLUMN impact.month_trace.result IS 'As in impact.followed. Exact: what is published passes disclosure control.';

GRANT SELECT, INSERT, UPDATE, DELETE ON impact.month_trace TO koinon_app;
