-- The tables of the books. Every key begins with the town, so that towns can live on different nodes.
SET LOCAL lock_timeout = '5s';

CREATE SCHEMA ledger;
COMMENT ON SCHEMA ledger IS 'The books: double entry, append-only, sealed.';

-- What may stand in a column is said by its type: a table's CHECKs are read anew by every statement that writes it.
CREATE DOMAIN ledger.account_kind AS text
CHECK (VALUE IN ('issuance', 'reserve', 'escrow', 'purse', 'till', 'redemption', 'clearing'));
CREATE DOMAIN ledger.line_kind AS "char" CHECK (VALUE IN ('t', 'h', 'c', 'C', 'g', 'r', 'R'));
CREATE DOMAIN ledger.moved AS bigint CHECK (VALUE > 0);
CREATE DOMAIN ledger.opaque AS text CHECK (VALUE = '' OR VALUE ~ '^[A-Za-z0-9:._/#-]{1,80}$');

CREATE TABLE ledger.account (
    town_id integer NOT NULL,
    id integer NOT NULL,
    kind ledger.account_kind NOT NULL,
    unit text NOT NULL,
    holder uuid NOT NULL,
    fund uuid,
    floor_minor bigint,
    ceiling_minor bigint,
    debits_posted bigint NOT NULL DEFAULT 0,
    credits_posted bigint NOT NULL DEFAULT 0,
    debits_held bigint NOT NULL DEFAULT 0,
    credits_held bigint NOT NULL DEFAULT 0,
    last_seq bigint NOT NULL DEFAULT 0,
    opened_at timestamptz NOT NULL,
    opened_by text NOT NULL,
    closed_at timestamptz,
    closed_by text,
    CONSTRAINT account_pkey PRIMARY KEY (town_id, id),
    CONSTRAINT one_account_for_each_purpose UNIQUE NULLS NOT DISTINCT (town_id, kind, holder, fund, unit),
    CONSTRAINT floor_is_kept CHECK (credits_posted - debits_posted - debits_held >= floor_minor),
    CONSTRAINT ceiling_is_kept CHECK (credits_posted - debits_posted + credits_held <= ceiling_minor)
) WITH (fillfactor = 70);
COMMENT ON TABLE ledger.account IS 'A place that holds one unit. Balance = credits_posted - debits_posted; available = balance - debits_held.';
COMMENT ON COLUMN ledger.account.holder IS 'The party whose account this is, by its opaque id.';
COMMENT ON COLUMN ledger.account.fund IS 'The fund whose rule the money follows; NULL is the free fund.';
COMMENT ON COLUMN ledger.account.floor_minor IS 'Lowest available balance, in minor units: 0 for a purse, a negative credit limit for mutual credit, NULL for the issuing account, which has none.';
COMMENT ON COLUMN ledger.account.ceiling_minor IS 'Highest balance including what is held for it, in minor units; NULL is none.';
COMMENT ON COLUMN ledger.account.last_seq IS 'The newest transfer on this account; its journal row points to the one before. 0 is none.';
COMMENT ON CONSTRAINT floor_is_kept ON ledger.account IS 'The posting function refuses first, with its reason; this holds should it ever be wrong.';
CREATE INDEX account_by_holder ON ledger.account (town_id, holder);
COMMENT ON INDEX ledger.account_by_holder IS 'Serves ledger/sql/accounts_of.sql.';

-- Accounts are locked lowest id first. Purses come before all others: who must look at purses before paying from them
-- need not lock the tills yet, and a till at which everybody pays is locked for as short as can be.
CREATE SEQUENCE ledger.purse_number AS integer MAXVALUE 1000000000 OWNED BY ledger.account.id;
CREATE SEQUENCE ledger.account_number AS integer MINVALUE 1000000001 OWNED BY ledger.account.id;

CREATE TABLE ledger.code (
    number smallint NOT NULL,
    name text NOT NULL,
    CONSTRAINT code_pkey PRIMARY KEY (number),
    CONSTRAINT a_name_is_used_once UNIQUE (name)
);
COMMENT ON TABLE ledger.code IS 'Why money moves. The journal keeps the number; its meaning never changes.';
INSERT INTO ledger.code (number, name)
VALUES
(1, 'receive'), (2, 'withdraw'), (3, 'issue'), (4, 'unissue'), (5, 'disburse'),
(6, 'pay'), (7, 'redeem'), (8, 'payout'), (9, 'expire');
ANALYZE ledger.code; -- Nobody else ever would: the planner then knows that it has nine rows, not a thousand.

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

CREATE TABLE ledger.actor (
    town_id integer NOT NULL,
    number integer NOT NULL,
    name text NOT NULL,
    CONSTRAINT actor_pkey PRIMARY KEY (town_id, name),
    CONSTRAINT a_number_is_used_once UNIQUE (town_id, number),
    CONSTRAINT name_is_opaque CHECK (name ~ '^[A-Za-z0-9:._/#-]{1,80}$')
);
COMMENT ON TABLE ledger.actor IS 'Who has posted in a town, as an opaque id. The journal keeps the number; seals cover the name.';
CREATE SEQUENCE ledger.actor_number AS integer OWNED BY ledger.actor.number;

CREATE TABLE ledger.period (
    town_id integer NOT NULL,
    month integer NOT NULL,
    began_at timestamptz NOT NULL,
    CONSTRAINT period_pkey PRIMARY KEY (town_id, month)
);
COMMENT ON TABLE ledger.period IS 'The months in which a town''s journal has been written; the newest is the one it is written in now.';
COMMENT ON COLUMN ledger.period.month IS 'Months since January 1970, UTC.';
COMMENT ON COLUMN ledger.period.began_at IS 'From when on rows went into this month. It begins when nobody else in the town is posting, so that a row''s month never runs behind one that was there before.';

CREATE TABLE ledger.journal (
    seq bigint NOT NULL,
    amount_minor ledger.moved NOT NULL,
    effective_at timestamptz NOT NULL,
    posted_at timestamptz NOT NULL,
    debit_prev bigint NOT NULL,
    credit_prev bigint NOT NULL,
    town_id integer NOT NULL,
    debit_account integer NOT NULL,
    credit_account integer NOT NULL,
    actor integer NOT NULL,
    code smallint NOT NULL,
    leg smallint NOT NULL,
    legs smallint NOT NULL,
    kind ledger.line_kind NOT NULL,
    id uuid NOT NULL,
    reference ledger.opaque NOT NULL,
    CONSTRAINT journal_pkey PRIMARY KEY (town_id, seq)
) PARTITION BY RANGE (seq);
COMMENT ON TABLE ledger.journal IS 'Every request that was accepted, in order: append-only. The wide columns come first and none is ever NULL, so that a row wastes no byte; docs/explanation/storage.md counts them.';
COMMENT ON COLUMN ledger.journal.seq IS 'Place in the books: month since January 1970 (13 bits), number of the batch (34 bits), place in the batch (16 bits).';
COMMENT ON COLUMN ledger.journal.effective_at IS 'When it happened, as its caller says.';
COMMENT ON COLUMN ledger.journal.posted_at IS 'When it was posted, by the clock of the database.';
COMMENT ON COLUMN ledger.journal.debit_prev IS 'The transfer before this one on the paying account; 0 is none, and in rows that move nothing.';
COMMENT ON COLUMN ledger.journal.credit_prev IS 'The transfer before this one on the receiving account; 0 is none, and in rows that move nothing.';
COMMENT ON COLUMN ledger.journal.leg IS 'Place in its group, from 0. The group is the rows from seq - leg on, as many as legs says, and has the id of its first one.';
COMMENT ON COLUMN ledger.journal.kind IS 't transfer, h hold, c capture, C capture of the whole hold, g release, r reversal, R reversal of all that was left.';
COMMENT ON COLUMN ledger.journal.id IS 'Made by the caller, used once in the town: who sends it again learns what became of it.';
COMMENT ON COLUMN ledger.journal.reference IS 'A receipt number or the like; nothing about a person.';

CREATE SEQUENCE ledger.batch_number MAXVALUE 17179869183;

-- The month of an instant, counted from January 1970.
CREATE FUNCTION ledger.month_of(p_at timestamptz) RETURNS integer
LANGUAGE sql STABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog
AS $$
    SELECT (extract(year FROM p_at AT TIME ZONE 'UTC') * 12 + extract(month FROM p_at AT TIME ZONE 'UTC') - 23641)::integer
$$;

-- Make sure that a month's rows have a partition to go to. Payments go on meanwhile.
CREATE FUNCTION ledger.open_month(p_month integer) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, ledger
AS $$
DECLARE
    name CONSTANT text := format('journal_%s_%s', 1970 + p_month / 12, lpad((p_month % 12 + 1)::text, 2, '0'));
BEGIN
    IF to_regclass('ledger.' || name) IS NOT NULL THEN RETURN; END IF;
    PERFORM pg_advisory_xact_lock(19276, -1);
    IF to_regclass('ledger.' || name) IS NOT NULL THEN RETURN; END IF;
    EXECUTE format('CREATE TABLE ledger.%I (LIKE ledger.journal INCLUDING DEFAULTS INCLUDING CONSTRAINTS)', name);
    EXECUTE format('CREATE UNIQUE INDEX %I ON ledger.%I (town_id, id)', name || '_id', name);
    EXECUTE format('GRANT SELECT ON ledger.%I TO koinon_app', name);
    -- Attaching, unlike CREATE TABLE ... PARTITION OF, lets payments go on.
    EXECUTE format('ALTER TABLE ledger.journal ATTACH PARTITION ledger.%I FOR VALUES FROM (%s) TO (%s)', name,
                   p_month::bigint << 50, (p_month + 1)::bigint << 50);
    EXECUTE format('COMMENT ON INDEX ledger.%I IS %L', name || '_id',
                   'An id is used once in a month; ledger.post looks the months before up.');
END $$;

CREATE TABLE ledger.target (
    town_id integer NOT NULL,
    seq bigint NOT NULL,
    target_seq bigint NOT NULL,
    target uuid NOT NULL,
    CONSTRAINT target_pkey PRIMARY KEY (town_id, seq)
);
COMMENT ON TABLE ledger.target IS 'What a capture or release (its hold) or a reversal (its original) points at; few rows of the journal do.';
CREATE INDEX target_by_what ON ledger.target (town_id, target_seq);
COMMENT ON INDEX ledger.target_by_what IS 'Serves ledger/sql/reversed_minor.sql and the sum of earlier reversals in ledger.post.';

CREATE TABLE ledger.hold (
    town_id integer NOT NULL,
    id uuid NOT NULL,
    seq bigint NOT NULL,
    debit_account integer NOT NULL,
    credit_account integer NOT NULL,
    amount_minor bigint NOT NULL,
    captured_minor bigint NOT NULL DEFAULT 0,
    code smallint NOT NULL,
    state text NOT NULL DEFAULT 'open',
    effective_at timestamptz NOT NULL,
    lapses_at timestamptz NOT NULL,
    CONSTRAINT hold_pkey PRIMARY KEY (town_id, id),
    CONSTRAINT state_is_known CHECK (state IN ('open', 'captured', 'released', 'lapsed')),
    CONSTRAINT amount_is_positive CHECK (amount_minor > 0),
    CONSTRAINT captured_is_within CHECK (captured_minor BETWEEN 0 AND amount_minor),
    CONSTRAINT only_captured_has_captured CHECK ((state = 'captured') = (captured_minor > 0))
);
COMMENT ON TABLE ledger.hold IS 'An amount reserved on the paying account, and room for it on the receiving one, until it is captured, released or lapses.';
COMMENT ON COLUMN ledger.hold.seq IS 'Its row in the journal, which says who asked for it and when.';
CREATE INDEX hold_by_lapse ON ledger.hold (town_id, lapses_at) WHERE state = 'open';
COMMENT ON INDEX ledger.hold_by_lapse IS 'Serves ledger.lapse_holds.';

CREATE VIEW ledger.transfer AS
SELECT
    line.town_id, line.seq, line.id, line.debit_account, line.credit_account, line.amount_minor, code.name AS code,
    line.kind, line.leg, line.legs, line.seq - line.leg AS group_seq, line.effective_at, line.posted_at,
    actor.name AS actor, line.reference,
    CASE WHEN line.kind IN ('r', 'R') THEN target.target END AS reverses,
    CASE WHEN line.kind IN ('c', 'C') THEN target.target END AS hold_id,
    line.debit_prev, line.credit_prev
FROM ledger.journal AS line
LEFT JOIN ledger.code AS code ON code.number = line.code
LEFT JOIN ledger.actor AS actor ON actor.town_id = line.town_id AND actor.number = line.actor
LEFT JOIN ledger.target AS target ON target.town_id = line.town_id AND target.seq = line.seq
WHERE line.kind IN ('t', 'c', 'C', 'r', 'R');
COMMENT ON VIEW ledger.transfer IS 'Every movement between two accounts: the rows of the journal that moved money, in words.';

CREATE TABLE ledger.block (
    town_id integer NOT NULL,
    number bigint NOT NULL,
    seq_from bigint NOT NULL,
    seq_to bigint NOT NULL,
    transfers bigint NOT NULL,
    merkle_root bytea NOT NULL,
    previous bytea NOT NULL,
    hash bytea NOT NULL,
    sealed_at timestamptz NOT NULL,
    CONSTRAINT block_pkey PRIMARY KEY (town_id, number),
    CONSTRAINT range_is_not_empty CHECK (seq_from < seq_to),
    CONSTRAINT block_is_not_empty CHECK (transfers > 0),
    CONSTRAINT hashes_are_sha256 CHECK (
        octet_length(merkle_root) = 32 AND octet_length(previous) = 32 AND octet_length(hash) = 32
    )
);
COMMENT ON TABLE ledger.block IS 'A sealed block: the rows of the journal from seq_from up to, not including, seq_to.';

CREATE TABLE ledger.chain (
    town_id integer NOT NULL,
    number bigint NOT NULL DEFAULT 0,
    seq_to bigint NOT NULL DEFAULT 0,
    hash bytea NOT NULL DEFAULT decode(repeat('00', 32), 'hex'),
    mark_seq bigint NOT NULL DEFAULT 0,
    mark_xid bigint NOT NULL DEFAULT 0,
    mark_start timestamptz NOT NULL DEFAULT '-infinity',
    CONSTRAINT chain_pkey PRIMARY KEY (town_id)
);
COMMENT ON TABLE ledger.chain IS 'The head of each town''s chain of blocks; locked while the next one is sealed.';
COMMENT ON COLUMN ledger.chain.mark_seq IS 'Rows below this one were numbered before transaction mark_xid began: all there, or never, once every transaction before that has ended, or the server was started again after mark_start.';

GRANT USAGE ON SCHEMA ledger TO koinon_app;
GRANT SELECT ON ALL TABLES IN SCHEMA ledger TO koinon_app;
GRANT SELECT ON ledger.batch_number TO koinon_app;
