-- Letters that wait to be printed, text messages that were answered, and documents kept of a household.
--
-- Opaque throughout: neither a name nor a number nor a word that somebody wrote stands here. Documents are sealed under
-- the key of the party they are of, and end with it.
SET LOCAL lock_timeout = '5s';

CREATE SCHEMA helpdesk;
COMMENT ON SCHEMA helpdesk IS 'Letters, text messages and documents of people who come to the counter.';

CREATE TABLE helpdesk.subscriber (
    town_id integer NOT NULL,
    party uuid NOT NULL,
    since timestamptz NOT NULL,
    set_by text NOT NULL,
    CONSTRAINT subscriber_pkey PRIMARY KEY (town_id, party),
    CONSTRAINT set_by_is_opaque CHECK (set_by ~ '^[A-Za-z0-9:._/#-]{1,80}$')
);
COMMENT ON TABLE helpdesk.subscriber IS 'Who asked for a printed statement each month.';

CREATE TABLE helpdesk.letter (
    town_id integer NOT NULL,
    id uuid NOT NULL,
    party uuid NOT NULL,
    first_day date NOT NULL,
    last_day date NOT NULL,
    queued_at timestamptz NOT NULL,
    queued_by text NOT NULL,
    batch uuid,
    printed_at timestamptz,
    printed_by text,
    CONSTRAINT letter_pkey PRIMARY KEY (town_id, id),
    CONSTRAINT letter_once UNIQUE (town_id, party, first_day, last_day),
    CONSTRAINT days_in_order CHECK (first_day <= last_day),
    CONSTRAINT printed_wholly CHECK (num_nulls(batch, printed_at, printed_by) IN (0, 3)),
    CONSTRAINT queued_by_is_opaque CHECK (queued_by ~ '^[A-Za-z0-9:._/#-]{1,80}$'),
    CONSTRAINT printed_by_is_opaque CHECK (printed_by ~ '^[A-Za-z0-9:._/#-]{1,80}$')
);
COMMENT ON TABLE helpdesk.letter IS 'A statement for a party and a span of days: queued once, printed in a batch. What it says is written when it is printed.';
COMMENT ON COLUMN helpdesk.letter.last_day IS 'Last local day it tells of, inclusive.';
COMMENT ON COLUMN helpdesk.letter.batch IS 'With which others it was printed; the same batch can be printed again.';
CREATE INDEX letter_waiting ON helpdesk.letter (town_id, id) WHERE batch IS NULL;
COMMENT ON INDEX helpdesk.letter_waiting IS 'Serves helpdesk/sql/take_letters.sql and helpdesk/sql/letters_waiting.sql.';
CREATE INDEX letter_by_batch ON helpdesk.letter (town_id, batch) WHERE batch IS NOT NULL;
COMMENT ON INDEX helpdesk.letter_by_batch IS 'Serves helpdesk/sql/letters_of_batch.sql and helpdesk/sql/batches.sql.';

CREATE TABLE helpdesk.text (
    town_id integer NOT NULL,
    id uuid NOT NULL,
    party uuid NOT NULL,
    wish text NOT NULL,
    at timestamptz NOT NULL,
    answered boolean NOT NULL,
    CONSTRAINT text_pkey PRIMARY KEY (town_id, id),
    CONSTRAINT wish_is_known CHECK (wish IN ('balance', 'lock', 'stop', 'help'))
);
COMMENT ON TABLE helpdesk.text IS 'Text messages of people whose number is answered: what was asked for, neither number nor words; kept a month.';
COMMENT ON COLUMN helpdesk.text.id IS 'Stands for the reference that the gateway gave the message, so that none is answered twice.';
COMMENT ON COLUMN helpdesk.text.answered IS 'False where it was one too many within the hour or the day.';
CREATE INDEX text_by_party ON helpdesk.text (town_id, party, at);
COMMENT ON INDEX helpdesk.text_by_party IS 'Serves helpdesk/sql/texts_answered.sql.';

CREATE TABLE helpdesk.document (
    town_id integer NOT NULL,
    id uuid NOT NULL,
    party uuid NOT NULL,
    about text NOT NULL,
    media_type text NOT NULL,
    size_bytes integer NOT NULL,
    sealed_name bytea NOT NULL,
    sealed bytea,
    added_at timestamptz NOT NULL,
    added_by text NOT NULL,
    removed_at timestamptz,
    removed_by text,
    CONSTRAINT document_pkey PRIMARY KEY (town_id, id),
    CONSTRAINT about_is_known CHECK (
        about IN ('application', 'identity', 'residence', 'income', 'family', 'authorisation', 'other')
    ),
    CONSTRAINT media_type_is_known CHECK (media_type IN ('application/pdf', 'image/jpeg', 'image/png', 'text/plain')),
    CONSTRAINT size_is_bounded CHECK (size_bytes BETWEEN 1 AND 5242880 AND length(sealed) <= 5242880 + 100),
    CONSTRAINT removed_wholly CHECK (
        num_nulls(removed_at, removed_by) IN (0, 2) AND ((sealed IS NULL) = (removed_at IS NOT NULL))
    ),
    CONSTRAINT added_by_is_opaque CHECK (added_by ~ '^[A-Za-z0-9:._/#-]{1,80}$'),
    CONSTRAINT removed_by_is_opaque CHECK (removed_by ~ '^[A-Za-z0-9:._/#-]{1,80}$')
);
COMMENT ON TABLE helpdesk.document IS 'A document of a household, such as an application for aid; name and content sealed under its key.';
CREATE INDEX document_by_party ON helpdesk.document (town_id, party, id);
COMMENT ON INDEX helpdesk.document_by_party IS 'Serves helpdesk/sql/documents.sql.';

GRANT USAGE ON SCHEMA helpdesk TO koinon_app;
GRANT SELECT, INSERT ON ALL TABLES IN SCHEMA helpdesk TO koinon_app;
GRANT DELETE ON helpdesk.subscriber, helpdesk.text TO koinon_app;
GRANT UPDATE (batch, printed_at, printed_by) ON helpdesk.letter TO koinon_app;
GRANT UPDATE (sealed, removed_at, removed_by) ON helpdesk.document TO koinon_app;
