-- Messages to one party: what somebody is told about their own card, money or complaint, by mail or telephone.
--
-- Rows are written in the transaction that they tell of and sent afterwards by a job. Opaque ids, codes and
-- minor units only; address and telephone number are looked up in the vault at the moment of sending.
SET LOCAL lock_timeout = '5s';

CREATE TABLE outbox.message (
    town_id integer NOT NULL,
    id uuid NOT NULL,
    party uuid NOT NULL,
    kind text NOT NULL,
    data jsonb NOT NULL,
    prefer text NOT NULL,
    at timestamptz NOT NULL,
    state text NOT NULL DEFAULT 'due',
    channel text NOT NULL DEFAULT '',
    tries smallint NOT NULL DEFAULT 0,
    next_at timestamptz NOT NULL DEFAULT statement_timestamp(),
    last_error text NOT NULL DEFAULT '',
    finished_at timestamptz,
    CONSTRAINT message_pkey PRIMARY KEY (town_id, id),
    CONSTRAINT kind_is_a_code CHECK (kind LIKE '%.%' AND length(kind) <= 40),
    CONSTRAINT prefer_is_known CHECK (prefer IN ('mail', 'sms')),
    CONSTRAINT channel_is_known CHECK (channel IN ('', 'mail', 'sms')),
    CONSTRAINT state_is_known CHECK (state IN ('due', 'sent', 'failed')),
    CONSTRAINT error_is_a_code CHECK (last_error = '' OR last_error ~ '^[a-z-]{1,40}$'),
    CONSTRAINT finished_or_due CHECK ((finished_at IS NULL) = (state = 'due'))
) WITH (fillfactor = 80);
COMMENT ON TABLE outbox.message IS 'Something one party is told about what is its own.';
COMMENT ON COLUMN outbox.message.kind IS 'What it says; jobs/messages.py has the words.';
COMMENT ON COLUMN outbox.message.data IS 'Opaque ids, codes, days and minor units that the words need.';
COMMENT ON COLUMN outbox.message.prefer IS 'Which way is tried first, where the party has both.';
COMMENT ON COLUMN outbox.message.channel IS 'Which way it went.';
COMMENT ON COLUMN outbox.message.next_at IS 'Not before this instant, by the clock of the database; while a job is at it, when another may take it up.';
COMMENT ON COLUMN outbox.message.last_error IS 'Why the last try failed, as a code; empty where it was sent.';
CREATE INDEX message_due ON outbox.message (next_at) WHERE state = 'due';
COMMENT ON INDEX outbox.message_due IS 'Serves outbox/sql/claim_messages.sql.';
CREATE INDEX message_by_party ON outbox.message (town_id, party, id);
COMMENT ON INDEX outbox.message_by_party IS 'Serves outbox/sql/messages_of_party.sql.';

GRANT SELECT, INSERT, DELETE ON outbox.message TO koinon_app;
GRANT UPDATE (state, channel, tries, next_at, last_error, finished_at) ON outbox.message TO koinon_app;
