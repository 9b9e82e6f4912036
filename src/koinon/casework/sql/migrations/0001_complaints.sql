-- Complaints with the day by which they are answered, and what is written and attached, sealed.
--
-- Words and documents are sealed under the key of the party they are about (parties' vault), for a
-- complaint without a name under the town's own: a copy of the database alone says nothing of them, and
-- they end with the party's key.
SET LOCAL lock_timeout = '5s';

CREATE SCHEMA casework;
COMMENT ON SCHEMA casework IS 'Complaints, notes and documents.';

CREATE TABLE casework.term (
    town_id integer NOT NULL,
    about text NOT NULL,
    from_day date NOT NULL,
    number integer NOT NULL,
    count text NOT NULL,
    source text NOT NULL,
    set_by text NOT NULL,
    set_at timestamptz NOT NULL,
    CONSTRAINT term_pkey PRIMARY KEY (town_id, about, from_day),
    CONSTRAINT about_is_known CHECK (about IN ('', 'card', 'payment', 'aid', 'shop', 'staff', 'data', 'other')),
    CONSTRAINT number_is_within_a_year CHECK (number BETWEEN 1 AND 366),
    CONSTRAINT count_is_known CHECK (count IN ('days', 'working-days', 'months')),
    CONSTRAINT source_is_named CHECK (source <> ''),
    CONSTRAINT set_by_is_opaque CHECK (set_by ~ '^[A-Za-z0-9:._/#-]{1,80}$')
);
COMMENT ON TABLE casework.term IS 'A town''s own times for answers, from a local day on until the next row; before those of the law that the software knows.';
COMMENT ON COLUMN casework.term.about IS 'What complaints it is for; empty for every one without a row of its own.';
COMMENT ON COLUMN casework.term.source IS 'The council''s decision or the law that says so.';

CREATE TABLE casework.counter (
    town_id integer NOT NULL,
    year integer NOT NULL,
    last integer NOT NULL,
    CONSTRAINT counter_pkey PRIMARY KEY (town_id, year)
);
COMMENT ON TABLE casework.counter IS 'The last number given to a complaint of a year: numbers have no gaps.';

CREATE TABLE casework.complaint (
    town_id integer NOT NULL,
    id uuid NOT NULL,
    year integer NOT NULL,
    place integer NOT NULL,
    party uuid,
    about text NOT NULL,
    subject text NOT NULL DEFAULT '',
    state text NOT NULL DEFAULT 'open',
    opened_at timestamptz NOT NULL,
    opened_by text NOT NULL,
    due_day date NOT NULL,
    term_source text NOT NULL,
    assigned_to text NOT NULL DEFAULT '',
    outcome text NOT NULL DEFAULT '',
    closed_at timestamptz,
    closed_by text,
    CONSTRAINT complaint_pkey PRIMARY KEY (town_id, id),
    CONSTRAINT number_once UNIQUE (town_id, year, place),
    CONSTRAINT about_is_known CHECK (about IN ('card', 'payment', 'aid', 'shop', 'staff', 'data', 'other')),
    CONSTRAINT state_is_known CHECK (state IN ('open', 'answered', 'withdrawn')),
    CONSTRAINT outcome_of_an_answer CHECK (
        outcome IN ('', 'upheld', 'partly', 'not-upheld') AND ((outcome <> '') = (state = 'answered'))
    ),
    CONSTRAINT closed_says_when CHECK (num_nulls(closed_at, closed_by) IN (0, 2) AND ((state = 'open') = (closed_at IS NULL))),
    CONSTRAINT subject_is_opaque CHECK (subject ~ '^[A-Za-z0-9:._/#-]{0,120}$'),
    CONSTRAINT opened_by_is_opaque CHECK (opened_by ~ '^[A-Za-z0-9:._/#-]{1,80}$'),
    CONSTRAINT assigned_to_is_opaque CHECK (assigned_to ~ '^[A-Za-z0-9:._/#-]{0,80}$'),
    CONSTRAINT closed_by_is_opaque CHECK (closed_by ~ '^[A-Za-z0-9:._/#-]{1,80}$')
);
COMMENT ON TABLE casework.complaint IS 'That somebody complained, about what kind of thing, and until when they are answered. Not a word of it.';
COMMENT ON COLUMN casework.complaint.party IS 'Who complained; empty where they gave no name.';
COMMENT ON COLUMN casework.complaint.subject IS 'The thing it is about, as kind:<id>; empty where it is none of ours.';
COMMENT ON COLUMN casework.complaint.due_day IS 'Last local day for the answer, fixed when it came in.';
COMMENT ON COLUMN casework.complaint.term_source IS 'The rule that this day follows from.';
CREATE INDEX complaint_open ON casework.complaint (town_id, due_day) WHERE state = 'open';
COMMENT ON INDEX casework.complaint_open IS 'Serves casework/sql/waiting.sql.';
CREATE INDEX complaint_by_party ON casework.complaint (town_id, party) WHERE party IS NOT NULL;
COMMENT ON INDEX casework.complaint_by_party IS 'Serves casework/sql/complaints_of.sql.';

CREATE TABLE casework.note (
    town_id integer NOT NULL,
    id uuid NOT NULL,
    complaint uuid NOT NULL,
    kind text NOT NULL,
    key_party uuid NOT NULL,
    sealed bytea NOT NULL,
    at timestamptz NOT NULL,
    written_by text NOT NULL,
    CONSTRAINT note_pkey PRIMARY KEY (town_id, id),
    CONSTRAINT complaint_it_is_on FOREIGN KEY (town_id, complaint) REFERENCES casework.complaint (town_id, id),
    CONSTRAINT kind_is_known CHECK (kind IN ('words', 'note', 'answer')),
    CONSTRAINT sealed_is_bounded CHECK (length(sealed) <= 40000),
    CONSTRAINT written_by_is_opaque CHECK (written_by ~ '^[A-Za-z0-9:._/#-]{1,80}$')
);
COMMENT ON TABLE casework.note IS 'What a complaint says, notes for colleagues, and answers; sealed.';
COMMENT ON COLUMN casework.note.key_party IS 'Under whose key it is sealed.';
CREATE INDEX note_by_complaint ON casework.note (town_id, complaint, id);
COMMENT ON INDEX casework.note_by_complaint IS 'Serves casework/sql/notes.sql.';

CREATE TABLE casework.document (
    town_id integer NOT NULL,
    id uuid NOT NULL,
    complaint uuid NOT NULL,
    key_party uuid NOT NULL,
    media_type text NOT NULL,
    size_bytes integer NOT NULL,
    sealed_name bytea NOT NULL,
    sealed bytea,
    added_at timestamptz NOT NULL,
    added_by text NOT NULL,
    removed_at timestamptz,
    removed_by text,
    CONSTRAINT document_pkey PRIMARY KEY (town_id, id),
    CONSTRAINT complaint_it_is_on FOREIGN KEY (town_id, complaint) REFERENCES casework.complaint (town_id, id),
    CONSTRAINT media_type_is_known CHECK (media_type IN ('application/pdf', 'image/jpeg', 'image/png', 'text/plain')),
    CONSTRAINT size_is_bounded CHECK (size_bytes BETWEEN 1 AND 5242880 AND length(sealed) <= 5242880 + 100),
    CONSTRAINT removed_wholly CHECK (num_nulls(removed_at, removed_by) IN (0, 2) AND ((sealed IS NULL) = (removed_at IS NOT NULL))),
    CONSTRAINT added_by_is_opaque CHECK (added_by ~ '^[A-Za-z0-9:._/#-]{1,80}$'),
    CONSTRAINT removed_by_is_opaque CHECK (removed_by ~ '^[A-Za-z0-9:._/#-]{1,80}$')
);
COMMENT ON TABLE casework.document IS 'A document attached to a complaint, name and content sealed.';
CREATE INDEX document_by_complaint ON casework.document (town_id, complaint, id);
COMMENT ON INDEX casework.document_by_complaint IS 'Serves casework/sql/documents.sql.';

GRANT USAGE ON SCHEMA casework TO koinon_app;
GRANT SELECT, INSERT ON ALL TABLES IN SCHEMA casework TO koinon_app;
GRANT UPDATE (number, count, source, set_by, set_at) ON casework.term TO koinon_app;
GRANT UPDATE (last) ON casework.counter TO koinon_app;
GRANT UPDATE (state, assigned_to, outcome, closed_at, closed_by) ON casework.complaint TO koinon_app;
GRANT UPDATE (sealed, removed_at, removed_by) ON casework.document TO koinon_app;
