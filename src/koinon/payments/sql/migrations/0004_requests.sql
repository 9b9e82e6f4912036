-- Requests to be paid, each of one amount and for a while; and the codes by which a payee is found without one.
--
-- Whether a request was paid is not written here: its payment has an id that follows from the request's, so that the books say
-- whether there is one, and take no second.
SET LOCAL lock_timeout = '5s';

CREATE TABLE payments.request (
    town_id integer NOT NULL,
    id uuid NOT NULL,
    payee uuid NOT NULL,
    amount_minor bigint NOT NULL,
    unit text NOT NULL,
    reference text NOT NULL DEFAULT '',
    category text NOT NULL DEFAULT '',
    number text,
    made_at timestamptz NOT NULL,
    made_by text NOT NULL,
    expires_at timestamptz NOT NULL,
    key_id text NOT NULL,
    signature bytea NOT NULL,
    withdrawn_at timestamptz,
    withdrawn_by text,
    CONSTRAINT request_pkey PRIMARY KEY (town_id, id),
    CONSTRAINT request_number_once UNIQUE (town_id, number),
    CONSTRAINT request_amount_is_positive CHECK (amount_minor > 0),
    CONSTRAINT request_number_has_eight_digits CHECK (number ~ '^[5-9][0-9]{7}$'),
    CONSTRAINT request_ends_after_it_begins CHECK (expires_at > made_at),
    CONSTRAINT request_is_signed CHECK (length(signature) = 64),
    CONSTRAINT request_category_is_a_word CHECK (category = '' OR category ~ '^[a-z0-9][a-z0-9-]{0,39}$'),
    CONSTRAINT request_reference_is_opaque CHECK (reference ~ '^[A-Za-z0-9:._/#-]{0,80}$'),
    CONSTRAINT request_made_by_is_opaque CHECK (made_by ~ '^[A-Za-z0-9:._/#-]{1,80}$'),
    CONSTRAINT request_withdrawn_by_somebody CHECK (num_nulls(withdrawn_at, withdrawn_by) IN (0, 2)),
    CONSTRAINT request_withdrawn_by_is_opaque CHECK (withdrawn_by ~ '^[A-Za-z0-9:._/#-]{1,80}$')
);
COMMENT ON TABLE payments.request IS 'What a payee asks to be paid: one amount, once, until a time, signed by the town.';
COMMENT ON COLUMN payments.request.number IS 'Eight digits to type, the first 5 to 9, the last two checks; empty where nothing is to be typed, and given to another one a day after it is over.';
COMMENT ON COLUMN payments.request.key_id IS 'Which key outside the database signed it.';
COMMENT ON COLUMN payments.request.signature IS 'Ed25519 of its canonical bytes (docs/algorithms/payment-requests.md): a row that was changed is paid by nobody.';
CREATE INDEX request_by_payee ON payments.request (town_id, payee, made_at);
COMMENT ON INDEX payments.request_by_payee IS 'Serves payments/sql/requests_of.sql.';

CREATE TABLE payments.payee_code (
    town_id integer NOT NULL,
    id uuid NOT NULL,
    payee uuid NOT NULL,
    token text NOT NULL,
    number text NOT NULL,
    made_at timestamptz NOT NULL,
    made_by text NOT NULL,
    ended_at timestamptz,
    ended_by text,
    CONSTRAINT payee_code_pkey PRIMARY KEY (town_id, id),
    CONSTRAINT payee_token_once UNIQUE (town_id, token),
    CONSTRAINT payee_number_once UNIQUE (town_id, number),
    CONSTRAINT payee_token_is_long CHECK (token ~ '^S1[A-Z2-7]{26}$'),
    CONSTRAINT payee_number_has_eight_digits CHECK (number ~ '^[0-4][0-9]{7}$'),
    CONSTRAINT payee_code_made_by_is_opaque CHECK (made_by ~ '^[A-Za-z0-9:._/#-]{1,80}$'),
    CONSTRAINT payee_code_ended_by_somebody CHECK (num_nulls(ended_at, ended_by) IN (0, 2)),
    CONSTRAINT payee_code_ended_by_is_opaque CHECK (ended_by ~ '^[A-Za-z0-9:._/#-]{1,80}$')
);
COMMENT ON TABLE payments.payee_code IS 'The code on a payee''s counter: it says whom to pay and nothing else, and gives way to another one whenever the payee likes.';
COMMENT ON COLUMN payments.payee_code.token IS 'What the QR code says. It hangs on a wall, and so is no secret.';
COMMENT ON COLUMN payments.payee_code.number IS 'Eight digits to type, the first 0 to 4, the last two checks; never given to anybody else.';
CREATE UNIQUE INDEX one_code_a_payee ON payments.payee_code (town_id, payee) WHERE ended_at IS NULL;
COMMENT ON INDEX payments.one_code_a_payee IS 'Serves payments/sql/payee_code.sql.';

GRANT SELECT, INSERT ON payments.request, payments.payee_code TO koinon_app;
GRANT UPDATE (number, withdrawn_at, withdrawn_by) ON payments.request TO koinon_app;
GRANT UPDATE (ended_at, ended_by) ON payments.payee_code TO koinon_app;
