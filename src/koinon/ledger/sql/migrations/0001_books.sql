-- The tables of the books. Every key begins with the town, so that towns can live on different nodes.
SET LOCAL lock_timeout = '5s';

CREATE SCHEMA ledger;
COMMENT ON SCHEMA ledger IS 'The books: double entry, append-only, sealed.';

CREATE TABLE ledger.account (
    town_id integer NOT NULL,
    id bigint NOT NULL,
    kind text NOT NULL,
    unit text NOT NULL,
    holder uuid NOT NULL,
    fund uuid,
    floor_minor bigint,
    ceiling_minor bigint,
    debits_posted bigint NOT NULL DEFAULT 0,
    credits_posted bigint NOT NULL DEFAULT 0,
    debits_held bigint NOT NULL DEFAULT 0,
    credits_held bigint NOT NULL DEFAULT 0,
    opened_at timestamptz NOT NULL,
    opened_by text NOT NULL,
    closed_at timestamptz,
    closed_by text,
    CONSTRAINT account_pkey PRIMARY KEY (town_id, id),
    CONSTRAINT one_account_for_each_purpose UNIQUE NULLS NOT DISTINCT (town_id, kind, holder, fund, unit),
    CONSTRAINT kind_is_known CHECK (kind IN ('issuance', 'reserve', 'escrow', 'purse', 'till', 'redemption', 'clearing')),
    CONSTRAINT only_issuance_has_no_floor CHECK (floor_minor IS NOT NULL OR kind = 'issuance'),
    CONSTRAINT floor_is_not_positive CHECK (floor_minor <= 0),
    CONSTRAINT floor_is_zero_where_money_is_kept CHECK (floor_minor = 0 OR kind IN ('issuance', 'clearing')),
    CONSTRAINT ceiling_is_not_negative CHECK (ceiling_minor >= 0),
    CONSTRAINT sides_are_not_negative CHECK (debits_posted >= 0 AND credits_posted >= 0 AND debits_held >= 0 AND credits_held >= 0),
    CONSTRAINT floor_is_kept CHECK (credits_posted - debits_posted - debits_held >= floor_minor),
    CONSTRAINT ceiling_is_kept CHECK (credits_posted - debits_posted + credits_held <= ceiling_minor),
    CONSTRAINT actors_are_opaque CHECK (
        opened_by ~ '^[A-Za-z0-9:._/#-]{1,80}$' AND closed_by ~ '^[A-Za-z0-9:._/#-]{1,80}$'
    ),
    CONSTRAINT closed_by_somebody CHECK ((closed_at IS NULL) = (closed_by IS NULL)),
    CONSTRAINT closed_is_empty CHECK (
        closed_at IS NULL OR (credits_posted = debits_posted AND debits_held = 0 AND credits_held = 0)
    )
) WITH (fillfactor = 70);
COMMENT ON TABLE ledger.account IS 'A place that holds one unit. Balance = credits_posted - debits_posted; available = balance - debits_held.';
COMMENT ON COLUMN ledger.account.holder IS 'The party whose account this is, by its opaque id.';
COMMENT ON COLUMN ledger.account.fund IS 'The fund whose rule the money follows; NULL is the free fund.';
COMMENT ON COLUMN ledger.account.floor_minor IS 'Lowest available balance, in minor units: 0 for a purse, a negative credit limit for mutual credit, NULL for the issuing account, which has none.';
COMMENT ON COLUMN ledger.account.ceiling_minor IS 'Highest balance including what is held for it, in minor units; NULL is none.';
COMMENT ON CONSTRAINT floor_is_kept ON ledger.account IS 'The posting function refuses first, with its reason; this holds should it ever be wrong.';
CREATE INDEX account_by_holder ON ledger.account (town_id, holder);
COMMENT ON INDEX ledger.account_by_holder IS 'Serves ledger/sql/accounts_of.sql.';

CREATE SEQUENCE ledger.account_number OWNED BY ledger.account.id;

CREATE TABLE ledger.route (
    code text NOT NULL,
    debit_kind text NOT NULL,
    credit_kind text NOT NULL,
    CONSTRAINT route_pkey PRIMARY KEY (code, debit_kind, credit_kind)
);
COMMENT ON TABLE ledger.route IS 'Between which kinds of account a transfer of each code may run. Only issuance has no floor, and only euros received leave it, so that units can never exceed the reserve.';
INSERT INTO ledger.route (code, debit_kind, credit_kind)
VALUES
('receive', 'issuance', 'reserve'),
('withdraw', 'reserve', 'issuance'),
('issue', 'reserve', 'escrow'),
('unissue', 'escrow', 'reserve'),
('disburse', 'escrow', 'purse'),
('pay', 'purse', 'till'),
('pay', 'purse', 'purse'),
('pay', 'till', 'till'),
('pay', 'till', 'purse'),
('redeem', 'till', 'redemption'),
('payout', 'redemption', 'issuance'),
('expire', 'purse', 'reserve');

CREATE TABLE ledger.accepted (
    town_id integer NOT NULL,
    key text NOT NULL,
    content bytea NOT NULL,
    result uuid NOT NULL,
    CONSTRAINT accepted_pkey PRIMARY KEY (town_id, key),
    CONSTRAINT key_is_short CHECK (octet_length(key) BETWEEN 1 AND 255)
);
COMMENT ON TABLE ledger.accepted IS 'The idempotency key of every accepted request, a digest of what it asked, and what came of it. Refused requests leave no row.';

CREATE TABLE ledger.transfer (
    town_id integer NOT NULL,
    id uuid NOT NULL,
    debit_account bigint NOT NULL,
    credit_account bigint NOT NULL,
    amount_minor bigint NOT NULL,
    code text NOT NULL,
    key text NOT NULL,
    group_id uuid,
    effective_at timestamptz NOT NULL,
    posted_at timestamptz NOT NULL,
    actor text NOT NULL,
    reference text NOT NULL,
    reverses uuid,
    hold_id uuid,
    tx bigint NOT NULL,
    CONSTRAINT transfer_pkey PRIMARY KEY (town_id, id),
    CONSTRAINT debit_is_an_account FOREIGN KEY (town_id, debit_account) REFERENCES ledger.account (town_id, id),
    CONSTRAINT credit_is_an_account FOREIGN KEY (town_id, credit_account) REFERENCES ledger.account (town_id, id),
    CONSTRAINT amount_is_positive CHECK (amount_minor > 0),
    CONSTRAINT accounts_differ CHECK (debit_account <> credit_account),
    CONSTRAINT effective_at_is_a_time CHECK (isfinite(effective_at)),
    CONSTRAINT actor_is_opaque CHECK (actor ~ '^[A-Za-z0-9:._/#-]{1,80}$'),
    CONSTRAINT reference_is_opaque CHECK (reference ~ '^[A-Za-z0-9:._/#-]{0,80}$')
);
COMMENT ON TABLE ledger.transfer IS 'One movement between two accounts: immutable. What is wrong is reversed by another transfer.';
COMMENT ON COLUMN ledger.transfer.group_id IS 'Transfers that posted together or not at all.';
COMMENT ON COLUMN ledger.transfer.effective_at IS 'When it happened, as its caller says.';
COMMENT ON COLUMN ledger.transfer.posted_at IS 'When it was posted, by the clock of the database.';
COMMENT ON COLUMN ledger.transfer.reverses IS 'The transfer that this one undoes, wholly or in part.';
COMMENT ON COLUMN ledger.transfer.hold_id IS 'The hold that this transfer captured.';
COMMENT ON COLUMN ledger.transfer.tx IS 'The posting transaction, counted over the whole life of the books: which block seals the row.';
CREATE INDEX transfer_by_debit_account ON ledger.transfer (town_id, debit_account, id);
CREATE INDEX transfer_by_credit_account ON ledger.transfer (town_id, credit_account, id);
CREATE INDEX transfer_by_group ON ledger.transfer (town_id, group_id) WHERE group_id IS NOT NULL;
CREATE INDEX transfer_by_original ON ledger.transfer (town_id, reverses) WHERE reverses IS NOT NULL;
CREATE INDEX transfer_by_tx ON ledger.transfer USING brin (tx) WITH (autosummarize = on, pages_per_range = 16);
COMMENT ON INDEX ledger.transfer_by_debit_account IS 'Serves ledger/sql/statement.sql.';
COMMENT ON INDEX ledger.transfer_by_credit_account IS 'Serves ledger/sql/statement.sql.';
COMMENT ON INDEX ledger.transfer_by_group IS 'Serves ledger/sql/transfers_of_group.sql.';
COMMENT ON INDEX ledger.transfer_by_original IS 'Serves the sum of earlier reversals in ledger.post.';
COMMENT ON INDEX ledger.transfer_by_tx IS 'Serves ledger.seal and ledger/sql/transfers_of_block.sql.';

CREATE TABLE ledger.hold (
    town_id integer NOT NULL,
    id uuid NOT NULL,
    debit_account bigint NOT NULL,
    credit_account bigint NOT NULL,
    amount_minor bigint NOT NULL,
    captured_minor bigint NOT NULL DEFAULT 0,
    code text NOT NULL,
    key text NOT NULL,
    state text NOT NULL DEFAULT 'open',
    effective_at timestamptz NOT NULL,
    lapses_at timestamptz NOT NULL,
    posted_at timestamptz NOT NULL,
    actor text NOT NULL,
    reference text NOT NULL,
    CONSTRAINT hold_pkey PRIMARY KEY (town_id, id),
    CONSTRAINT debit_is_an_account FOREIGN KEY (town_id, debit_account) REFERENCES ledger.account (town_id, id),
    CONSTRAINT credit_is_an_account FOREIGN KEY (town_id, credit_account) REFERENCES ledger.account (town_id, id),
    CONSTRAINT state_is_known CHECK (state IN ('open', 'captured', 'released', 'lapsed')),
    CONSTRAINT times_are_times CHECK (isfinite(effective_at) AND isfinite(lapses_at)),
    CONSTRAINT amount_is_positive CHECK (amount_minor > 0),
    CONSTRAINT captured_is_within CHECK (captured_minor BETWEEN 0 AND amount_minor),
    CONSTRAINT only_captured_has_captured CHECK ((state = 'captured') = (captured_minor > 0)),
    CONSTRAINT actor_is_opaque CHECK (actor ~ '^[A-Za-z0-9:._/#-]{1,80}$'),
    CONSTRAINT reference_is_opaque CHECK (reference ~ '^[A-Za-z0-9:._/#-]{0,80}$')
);
COMMENT ON TABLE ledger.hold IS 'An amount reserved on the paying account, and room for it on the receiving one, until it is captured, released or lapses.';
CREATE INDEX hold_by_lapse ON ledger.hold (town_id, lapses_at) WHERE state = 'open';
COMMENT ON INDEX ledger.hold_by_lapse IS 'Serves ledger.lapse_holds.';

CREATE TABLE ledger.tx_base (
    system_identifier bigint NOT NULL,
    base bigint NOT NULL,
    CONSTRAINT tx_base_pkey PRIMARY KEY (system_identifier)
);
COMMENT ON TABLE ledger.tx_base IS 'What is added to the transaction number of each database cluster the books have lived in, so that transfer.tx keeps growing after a restore elsewhere.';

CREATE TABLE ledger.block (
    town_id integer NOT NULL,
    number bigint NOT NULL,
    tx_from bigint NOT NULL,
    tx_to bigint NOT NULL,
    transfers bigint NOT NULL,
    merkle_root bytea NOT NULL,
    previous bytea NOT NULL,
    hash bytea NOT NULL,
    sealed_at timestamptz NOT NULL,
    CONSTRAINT block_pkey PRIMARY KEY (town_id, number),
    CONSTRAINT range_is_not_empty CHECK (tx_from < tx_to),
    CONSTRAINT block_is_not_empty CHECK (transfers > 0),
    CONSTRAINT hashes_are_sha256 CHECK (
        octet_length(merkle_root) = 32 AND octet_length(previous) = 32 AND octet_length(hash) = 32
    )
);
COMMENT ON TABLE ledger.block IS 'A sealed block: the transfers of the transactions from tx_from up to, not including, tx_to.';

CREATE TABLE ledger.chain (
    town_id integer NOT NULL,
    number bigint NOT NULL DEFAULT 0,
    tx_to bigint NOT NULL DEFAULT 0,
    hash bytea NOT NULL DEFAULT decode(repeat('00', 32), 'hex'),
    CONSTRAINT chain_pkey PRIMARY KEY (town_id)
);
COMMENT ON TABLE ledger.chain IS 'The head of each town''s chain of blocks; locked while the next one is sealed.';

GRANT USAGE ON SCHEMA ledger TO koinon_app;
GRANT SELECT ON ALL TABLES IN SCHEMA ledger TO koinon_app;
