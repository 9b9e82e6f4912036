-- The audit trail: lines are added and never changed.
SET LOCAL lock_timeout = '5s';

CREATE SCHEMA audit;
COMMENT ON SCHEMA audit IS 'Who did what, when and why; append-only.';

CREATE TABLE audit.entry (
    town_id integer NOT NULL,
    id uuid NOT NULL,
    at timestamptz NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    actor text NOT NULL,
    action text NOT NULL,
    subject text NOT NULL,
    reason text NOT NULL DEFAULT '',
    before jsonb,
    after jsonb,
    CONSTRAINT entry_pkey PRIMARY KEY (town_id, id),
    CONSTRAINT actor_is_opaque CHECK (actor ~ '^[A-Za-z0-9:._/#-]{1,80}$'),
    CONSTRAINT action_is_a_code CHECK (action ~ '^[a-z][a-z0-9.-]{2,60}$'),
    CONSTRAINT subject_is_opaque CHECK (subject ~ '^[A-Za-z0-9:._/#-]{1,120}$')
);
COMMENT ON TABLE audit.entry IS 'One act: by whom, on what, why, and the facts before and after where they changed. Opaque ids only.';
COMMENT ON COLUMN audit.entry.at IS 'When it was done, by the clock at the way in.';
COMMENT ON COLUMN audit.entry.recorded_at IS 'When the database wrote the line, by its own clock.';
COMMENT ON COLUMN audit.entry.actor IS 'user:<id>, job:<name> or cli:<login>; never a name.';
COMMENT ON COLUMN audit.entry.subject IS 'What it was done to, as kind:<id>.';

CREATE INDEX entry_by_subject ON audit.entry (town_id, subject, id);
COMMENT ON INDEX audit.entry_by_subject IS 'Serves audit/sql/entries_of_subject.sql.';

GRANT USAGE ON SCHEMA audit TO koinon_app;
GRANT SELECT, INSERT ON audit.entry TO koinon_app;
