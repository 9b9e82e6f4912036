-- Bank accounts, what their statements say, and what each entry was matched with.
--
-- Entries never change but for the reasons why they are listed and the sealed details, which are
-- forgotten with the match. Amounts are minor units of the account's currency; debits are negative.
SET LOCAL lock_timeout = '5s';

CREATE SCHEMA banking;
COMMENT ON SCHEMA banking IS 'Bank statements, their entries, and what these were matched with.';

CREATE TABLE banking.account (
    town_id integer NOT NULL,
    id uuid NOT NULL,
    code text NOT NULL,
    number_digest bytea NOT NULL,
    number_end text NOT NULL,
    currency text NOT NULL,
    columns jsonb NOT NULL DEFAULT '{}',
    opened_at timestamptz NOT NULL,
    opened_by text NOT NULL,
    CONSTRAINT account_pkey PRIMARY KEY (town_id, id),
    CONSTRAINT account_code_once UNIQUE (town_id, code),
    CONSTRAINT account_number_once UNIQUE (town_id, number_digest),
    CONSTRAINT code_is_short CHECK (code ~ '^[a-z0-9][a-z0-9-]{0,29}$'),
    CONSTRAINT number_end_is_short CHECK (number_end ~ '^[A-Z0-9]{0,4}$'),
    CONSTRAINT currency_is_a_code CHECK (currency ~ '^[A-Z]{3}$'),
    CONSTRAINT opened_by_is_opaque CHECK (opened_by ~ '^[A-Za-z0-9:._/#-]{1,80}$')
);
COMMENT ON TABLE banking.account IS 'The town''s own accounts at banks: where the euros behind the units are.';
COMMENT ON COLUMN banking.account.number_digest IS 'HMAC-SHA256 of the account number under a key outside the database: a statement of another account is not taken in.';
COMMENT ON COLUMN banking.account.number_end IS 'The last four signs of the number, to tell accounts apart.';
COMMENT ON COLUMN banking.account.columns IS 'How the headings of this bank''s CSV are called: field to heading. Empty: the usual headings.';

CREATE TABLE banking.file (
    town_id integer NOT NULL,
    id uuid NOT NULL,
    digest bytea NOT NULL,
    name text NOT NULL,
    account_id uuid,
    sealed bytea,
    uploaded_at timestamptz NOT NULL,
    uploaded_by text NOT NULL,
    imported_at timestamptz,
    imported_by text,
    CONSTRAINT file_pkey PRIMARY KEY (town_id, id),
    CONSTRAINT file_digest_once UNIQUE (town_id, digest),
    CONSTRAINT account_of_the_file FOREIGN KEY (town_id, account_id) REFERENCES banking.account (town_id, id),
    CONSTRAINT imported_wholly_or_not CHECK (num_nulls(imported_at, imported_by) IN (0, 2)),
    CONSTRAINT kept_until_imported CHECK (imported_at IS NULL OR sealed IS NULL),
    CONSTRAINT uploaded_by_is_opaque CHECK (uploaded_by ~ '^[A-Za-z0-9:._/#-]{1,80}$')
);
COMMENT ON TABLE banking.file IS 'A file from the bank: uploaded and looked at, then imported.';
COMMENT ON COLUMN banking.file.digest IS 'HMAC-SHA256 of the content under a key outside the database: the same file is known again.';
COMMENT ON COLUMN banking.file.name IS 'Kind of file and day, never the name it had at its sender.';
COMMENT ON COLUMN banking.file.sealed IS 'The content, sealed, between the preview and the import; NULL afterwards and once the preview has lapsed.';

CREATE TABLE banking.statement (
    town_id integer NOT NULL,
    id uuid NOT NULL,
    file_id uuid NOT NULL,
    account_id uuid NOT NULL,
    number integer NOT NULL,
    kind text NOT NULL,
    reference text NOT NULL,
    from_day date,
    to_day date,
    opening_minor bigint,
    closing_minor bigint,
    entries integer NOT NULL,
    fresh integer NOT NULL,
    pending integer NOT NULL,
    CONSTRAINT statement_pkey PRIMARY KEY (town_id, id),
    CONSTRAINT statement_place_once UNIQUE (town_id, file_id, number),
    CONSTRAINT account_of_the_statement FOREIGN KEY (town_id, account_id) REFERENCES banking.account (town_id, id),
    CONSTRAINT file_of_the_statement FOREIGN KEY (town_id, file_id) REFERENCES banking.file (town_id, id),
    CONSTRAINT kind_is_known CHECK (kind IN ('camt.053', 'csv')),
    CONSTRAINT counts_fit CHECK (fresh BETWEEN 0 AND entries AND pending >= 0)
);
COMMENT ON TABLE banking.statement IS 'One statement of an account, as a file brought it.';
COMMENT ON COLUMN banking.statement.reference IS 'The bank''s own id of the statement.';
COMMENT ON COLUMN banking.statement.opening_minor IS 'Balance booked before the first entry, where the bank says it.';
COMMENT ON COLUMN banking.statement.fresh IS 'How many of its entries no earlier statement had.';
COMMENT ON COLUMN banking.statement.pending IS 'How many more it announced that are not booked yet; they come again when they are.';
CREATE INDEX statement_by_account ON banking.statement (town_id, account_id, to_day);
COMMENT ON INDEX banking.statement_by_account IS 'Serves banking/sql/balances.sql.';

CREATE TABLE banking.entry (
    town_id integer NOT NULL,
    id uuid NOT NULL,
    account_id uuid NOT NULL,
    statement_id uuid NOT NULL,
    number integer NOT NULL,
    identity bytea NOT NULL,
    occurrence integer NOT NULL,
    booked_on date NOT NULL,
    value_on date,
    amount_minor bigint NOT NULL,
    bank_reference text NOT NULL,
    message_id text NOT NULL,
    end_to_end_id text NOT NULL,
    structured_reference text NOT NULL,
    is_return boolean NOT NULL,
    return_code text NOT NULL,
    bank_code text NOT NULL,
    mentions uuid [] NOT NULL,
    grounds jsonb NOT NULL,
    sealed bytea,
    matched_at timestamptz,
    CONSTRAINT entry_pkey PRIMARY KEY (town_id, id),
    CONSTRAINT entry_kept_once UNIQUE (town_id, account_id, identity, occurrence),
    CONSTRAINT account_of_the_entry FOREIGN KEY (town_id, account_id) REFERENCES banking.account (town_id, id),
    CONSTRAINT statement_of_the_entry FOREIGN KEY (town_id, statement_id) REFERENCES banking.statement (town_id, id),
    CONSTRAINT amount_is_not_nothing CHECK (amount_minor <> 0),
    CONSTRAINT return_code_is_a_code CHECK (return_code ~ '^[A-Z0-9]{0,4}$'),
    CONSTRAINT matched_is_forgotten CHECK (matched_at IS NULL OR sealed IS NULL),
    CONSTRAINT listed_says_why CHECK (matched_at IS NOT NULL OR jsonb_array_length(grounds) > 0)
);
COMMENT ON TABLE banking.entry IS 'One movement on a bank account. Kept once, whichever and however many statements show it; never changed.';
COMMENT ON COLUMN banking.entry.identity IS 'HMAC-SHA256, under a key outside the database, of what the bank says of the movement; docs/algorithms/matching.md says of what.';
COMMENT ON COLUMN banking.entry.occurrence IS 'Which of several movements that look the same in one statement: 1, 2, ...';
COMMENT ON COLUMN banking.entry.amount_minor IS 'Positive for money in, negative for money out.';
COMMENT ON COLUMN banking.entry.mentions IS 'The ids of ours that stand anywhere in what the bank says.';
COMMENT ON COLUMN banking.entry.grounds IS 'Why it is listed: every reason, as codes and figures. Empty once matched.';
COMMENT ON COLUMN banking.entry.sealed IS 'Name, account and text of the other side, sealed under a key outside the database; forgotten with the match.';
CREATE INDEX entry_listed ON banking.entry (town_id, booked_on, id) WHERE matched_at IS NULL;
COMMENT ON INDEX banking.entry_listed IS 'Serves banking/sql/entries.sql for what is not matched.';
CREATE INDEX entry_by_day ON banking.entry (town_id, booked_on DESC, id DESC);
COMMENT ON INDEX banking.entry_by_day IS 'Serves banking/sql/entries.sql.';
CREATE INDEX entry_by_bank_reference ON banking.entry (town_id, account_id, bank_reference);
COMMENT ON INDEX banking.entry_by_bank_reference IS 'Serves banking/sql/references_seen.sql.';

CREATE TABLE banking.match (
    town_id integer NOT NULL,
    entry_id uuid NOT NULL,
    kind text NOT NULL,
    target uuid NOT NULL,
    amount_minor bigint NOT NULL,
    matched_at timestamptz NOT NULL,
    matched_by text NOT NULL,
    by_hand boolean NOT NULL,
    reason text NOT NULL,
    CONSTRAINT match_pkey PRIMARY KEY (town_id, entry_id, kind, target),
    CONSTRAINT target_matched_once UNIQUE (town_id, kind, target),
    CONSTRAINT entry_of_the_match FOREIGN KEY (town_id, entry_id) REFERENCES banking.entry (town_id, id),
    CONSTRAINT kind_is_known CHECK (
        kind IN ('receipt', 'withdrawal', 'topup', 'payout', 'return', 'charge', 'own', 'other')
    ),
    CONSTRAINT amount_is_not_nothing CHECK (amount_minor <> 0),
    CONSTRAINT by_hand_says_why CHECK (NOT by_hand OR reason <> ''),
    CONSTRAINT reason_is_short CHECK (length(reason) <= 200),
    CONSTRAINT matched_by_is_opaque CHECK (matched_by ~ '^[A-Za-z0-9:._/#-]{1,80}$')
);
COMMENT ON TABLE banking.match IS 'What an entry is: the movement of the books it stands for, or why it stands for none. An entry that pays several has a row for each.';
COMMENT ON COLUMN banking.match.target IS 'The receipt, top-up or payment; the entry itself where nothing in the books stands for it (charge, own, other).';
COMMENT ON COLUMN banking.match.amount_minor IS 'The part of the entry, signed as it is.';
COMMENT ON COLUMN banking.match.reason IS 'Why, in the words of whoever matched by hand; nothing about a person.';
COMMENT ON CONSTRAINT target_matched_once ON banking.match IS 'Nothing is matched twice, whatever the interleaving.';

CREATE TABLE banking.answer (
    town_id integer NOT NULL,
    file_id uuid NOT NULL,
    number integer NOT NULL,
    payment_id uuid,
    run_id uuid,
    status text NOT NULL,
    reason text NOT NULL,
    outcome text NOT NULL,
    CONSTRAINT answer_pkey PRIMARY KEY (town_id, file_id, number),
    CONSTRAINT file_of_the_answer FOREIGN KEY (town_id, file_id) REFERENCES banking.file (town_id, id),
    CONSTRAINT status_is_a_code CHECK (status ~ '^[A-Z]{4}$'),
    CONSTRAINT reason_is_a_code CHECK (reason ~ '^[A-Z0-9]{0,4}$')
);
COMMENT ON TABLE banking.answer IS 'What the bank said of a payment or a whole run in a status report (pain.002).';
COMMENT ON COLUMN banking.answer.outcome IS 'What became of it: rejected, noted, or the code of the reason why nothing did.';

GRANT USAGE ON SCHEMA banking TO koinon_app;
GRANT SELECT, INSERT ON ALL TABLES IN SCHEMA banking TO koinon_app;
GRANT UPDATE (columns) ON banking.account TO koinon_app;
GRANT UPDATE (sealed, account_id, imported_at, imported_by) ON banking.file TO koinon_app;
GRANT UPDATE (grounds, sealed, matched_at) ON banking.entry TO koinon_app;
GRANT DELETE ON banking.match TO koinon_app;
