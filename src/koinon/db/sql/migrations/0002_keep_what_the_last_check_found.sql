-- What the invariants last said of each town, so that a page can show it without computing them.
SET LOCAL lock_timeout = '5s';

CREATE TABLE koinon_check (
    town_id integer NOT NULL,
    package text NOT NULL,
    name text NOT NULL,
    failures integer NOT NULL,
    checked_at timestamptz NOT NULL,
    CONSTRAINT koinon_check_pkey PRIMARY KEY (town_id, package, name),
    CONSTRAINT failures_are_counted CHECK (failures >= 0)
);
COMMENT ON TABLE koinon_check IS 'What each invariant last said of a town; replaced by the next run of the timer, the auditor or the demonstration.';
COMMENT ON COLUMN koinon_check.failures IS 'Rows that break the invariant; 0 is a pass. At most the first hundred are counted.';
