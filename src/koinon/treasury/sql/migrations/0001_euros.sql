-- The euros behind the units: what came in, what shops are owed, what the bank paid them.
--
-- Amounts are at par with the ledger's unit, in the same minor units. Nothing here is ever
-- deleted; the columns that may change are those that say how far a run has come.
SET LOCAL lock_timeout = '5s';

CREATE SCHEMA treasury;
COMMENT ON SCHEMA treasury IS 'Budget received, redemptions, and payout runs to the bank.';

CREATE TABLE treasury.terms (
    town_id integer NOT NULL,
    from_day date NOT NULL,
    minimum_minor bigint NOT NULL,
    file_format text NOT NULL,
    execution_days integer NOT NULL,
    source text NOT NULL,
    set_by text NOT NULL,
    set_at timestamptz NOT NULL,
    CONSTRAINT terms_pkey PRIMARY KEY (town_id, from_day),
    CONSTRAINT minimum_is_positive CHECK (minimum_minor > 0),
    CONSTRAINT file_format_is_known CHECK (file_format IN ('pain.001.001.03', 'pain.001.001.09', 'csv')),
    CONSTRAINT execution_days_are_few CHECK (execution_days BETWEEN 0 AND 30),
    CONSTRAINT set_by_is_opaque CHECK (set_by ~ '^[A-Za-z0-9:._/#-]{1,80}$')
);
COMMENT ON TABLE treasury.terms IS 'What a town promises its shops about redemption, from a local day on until the next row.';
COMMENT ON COLUMN treasury.terms.minimum_minor IS 'Smallest amount paid out, in minor units.';
COMMENT ON COLUMN treasury.terms.file_format IS 'What the town''s bank takes: a version of ISO 20022 pain.001 (SEPA, euros), or CSV.';
COMMENT ON COLUMN treasury.terms.execution_days IS 'Days between the export of a run and the day the bank shall execute it.';
COMMENT ON COLUMN treasury.terms.source IS 'The agreement or regulation that says so.';

CREATE TABLE treasury.receipt (
    town_id integer NOT NULL,
    id uuid NOT NULL,
    direction text NOT NULL,
    fund uuid NOT NULL,
    amount_minor bigint NOT NULL,
    bank_reference text NOT NULL,
    key text NOT NULL,
    transfer_id uuid NOT NULL,
    effective_at timestamptz NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    actor text NOT NULL,
    CONSTRAINT receipt_pkey PRIMARY KEY (town_id, id),
    CONSTRAINT receipt_key_once UNIQUE (town_id, key),
    CONSTRAINT bank_reference_once UNIQUE (town_id, bank_reference),
    CONSTRAINT transfer_backs_one_receipt UNIQUE (town_id, transfer_id),
    CONSTRAINT direction_is_known CHECK (direction IN ('received', 'withdrawn')),
    CONSTRAINT amount_is_positive CHECK (amount_minor > 0),
    CONSTRAINT bank_reference_is_opaque CHECK (bank_reference ~ '^[A-Za-z0-9:._/#-]{1,64}$'),
    CONSTRAINT actor_is_opaque CHECK (actor ~ '^[A-Za-z0-9:._/#-]{1,80}$')
);
COMMENT ON TABLE treasury.receipt IS 'Euros that came from the town''s budget into the reserve for a fund, or went back.';
COMMENT ON COLUMN treasury.receipt.bank_reference IS 'The bank''s own reference of the movement; the same movement is never booked twice.';
COMMENT ON COLUMN treasury.receipt.transfer_id IS 'The ledger transfer (code receive or withdraw).';

CREATE TABLE treasury.redemption (
    town_id integer NOT NULL,
    id uuid NOT NULL,
    party uuid NOT NULL,
    amount_minor bigint NOT NULL,
    key text NOT NULL,
    transfer_id uuid NOT NULL,
    requested_at timestamptz NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    actor text NOT NULL,
    undo_transfer_id uuid,
    undone_at timestamptz,
    undone_by text,
    CONSTRAINT redemption_pkey PRIMARY KEY (town_id, id),
    CONSTRAINT redemption_key_once UNIQUE (town_id, key),
    CONSTRAINT transfer_backs_one_redemption UNIQUE (town_id, transfer_id),
    CONSTRAINT amount_is_positive CHECK (amount_minor > 0),
    CONSTRAINT undone_wholly_or_not CHECK (num_nulls(undo_transfer_id, undone_at, undone_by) IN (0, 3)),
    CONSTRAINT actor_is_opaque CHECK (actor ~ '^[A-Za-z0-9:._/#-]{1,80}$')
);
COMMENT ON TABLE treasury.redemption IS 'A business''s request to be paid out. Its units leave circulation with the request; the euros are owed until a run pays them.';
COMMENT ON COLUMN treasury.redemption.transfer_id IS 'The ledger transfer (code redeem).';
COMMENT ON COLUMN treasury.redemption.undo_transfer_id IS 'The reversal that gave the units back; only before a run took the request.';
CREATE INDEX redemption_by_party ON treasury.redemption (town_id, party, requested_at);
COMMENT ON INDEX treasury.redemption_by_party IS 'Serves treasury/sql/redemptions_of.sql.';

CREATE TABLE treasury.run (
    town_id integer NOT NULL,
    id uuid NOT NULL,
    key text NOT NULL,
    state text NOT NULL DEFAULT 'prepared',
    total_minor bigint NOT NULL,
    payments integer NOT NULL,
    prepared_by text NOT NULL,
    prepared_at timestamptz NOT NULL,
    approved_by text,
    approved_at timestamptz,
    exported_by text,
    exported_at timestamptz,
    file_format text,
    execution_day date,
    file_digest bytea,
    settled_by text,
    settled_at timestamptz,
    cancelled_by text,
    cancelled_at timestamptz,
    CONSTRAINT run_pkey PRIMARY KEY (town_id, id),
    CONSTRAINT run_key_once UNIQUE (town_id, key),
    CONSTRAINT state_is_known CHECK (state IN ('prepared', 'approved', 'exported', 'settled', 'cancelled')),
    CONSTRAINT total_is_positive CHECK (total_minor > 0 AND payments > 0),
    CONSTRAINT two_people CHECK (approved_by <> prepared_by),
    CONSTRAINT approved_before_it_leaves CHECK (
        num_nulls(approved_by, approved_at) IN (0, 2)
        AND (state NOT IN ('approved', 'exported', 'settled') OR approved_at IS NOT NULL)
    ),
    CONSTRAINT exported_before_it_settles CHECK (
        num_nulls(exported_by, exported_at, file_format, execution_day, file_digest) IN (0, 5)
        AND ((state IN ('exported', 'settled')) = (exported_at IS NOT NULL))
    ),
    CONSTRAINT settled_says_when CHECK (
        num_nulls(settled_by, settled_at) IN (0, 2) AND ((state = 'settled') = (settled_at IS NOT NULL))
    ),
    CONSTRAINT cancelled_says_when CHECK (
        num_nulls(cancelled_by, cancelled_at) IN (0, 2) AND ((state = 'cancelled') = (cancelled_at IS NOT NULL))
    ),
    CONSTRAINT file_format_is_known CHECK (file_format IN ('pain.001.001.03', 'pain.001.001.09', 'csv'))
);
COMMENT ON TABLE treasury.run IS 'A batch of payments to the bank: prepared, approved by another person, exported, settled; or cancelled before the bank had it.';
COMMENT ON COLUMN treasury.run.file_digest IS 'HMAC-SHA256 of the exported file under a key outside the database: the same run never gives two different files.';
COMMENT ON COLUMN treasury.run.execution_day IS 'Local day on which the bank shall pay.';
COMMENT ON CONSTRAINT two_people ON treasury.run IS 'Money leaves on two signatures; treasury.operations refuses first, as treasury.same-person.';

CREATE TABLE treasury.payment (
    town_id integer NOT NULL,
    id uuid NOT NULL,
    run_id uuid NOT NULL,
    party uuid NOT NULL,
    amount_minor bigint NOT NULL,
    state text NOT NULL DEFAULT 'due',
    transfer_id uuid,
    paid_at timestamptz,
    return_transfer_id uuid,
    returned_at timestamptz,
    reason text NOT NULL DEFAULT '',
    CONSTRAINT payment_pkey PRIMARY KEY (town_id, id),
    CONSTRAINT run_of_the_payment FOREIGN KEY (town_id, run_id) REFERENCES treasury.run (town_id, id),
    CONSTRAINT one_payment_a_party UNIQUE (town_id, run_id, party),
    CONSTRAINT state_is_known CHECK (state IN ('due', 'paid', 'rejected', 'returned')),
    CONSTRAINT amount_is_positive CHECK (amount_minor > 0),
    CONSTRAINT paid_has_its_transfer CHECK (
        num_nulls(transfer_id, paid_at) IN (0, 2) AND ((state IN ('paid', 'returned')) = (transfer_id IS NOT NULL))
    ),
    CONSTRAINT returned_has_its_transfer CHECK ((state = 'returned') = (return_transfer_id IS NOT NULL)),
    CONSTRAINT unpaid_says_when CHECK ((state IN ('rejected', 'returned')) = (returned_at IS NOT NULL)),
    CONSTRAINT reason_is_a_code CHECK (reason ~ '^[A-Z0-9]{0,4}$')
);
COMMENT ON TABLE treasury.payment IS 'One payment of a run: everything its business is owed, in one credit transfer.';
COMMENT ON COLUMN treasury.payment.transfer_id IS 'The ledger transfer (code payout), once the bank has paid.';
COMMENT ON COLUMN treasury.payment.return_transfer_id IS 'Its reversal, where the money came back.';
COMMENT ON COLUMN treasury.payment.reason IS 'Why the bank did not pay or sent it back: ISO 20022 external code, such as AC04 (closed account).';

CREATE TABLE treasury.payment_redemption (
    town_id integer NOT NULL,
    payment_id uuid NOT NULL,
    redemption_id uuid NOT NULL,
    released_at timestamptz,
    CONSTRAINT payment_redemption_pkey PRIMARY KEY (town_id, payment_id, redemption_id),
    CONSTRAINT payment_it_is_part_of FOREIGN KEY (town_id, payment_id) REFERENCES treasury.payment (town_id, id),
    CONSTRAINT redemption_it_pays FOREIGN KEY (town_id, redemption_id) REFERENCES treasury.redemption (town_id, id)
);
COMMENT ON TABLE treasury.payment_redemption IS 'Which requests a payment pays.';
COMMENT ON COLUMN treasury.payment_redemption.released_at IS 'When the request became open again, because the run was cancelled or the bank did not pay.';
CREATE UNIQUE INDEX redemption_in_one_payment ON treasury.payment_redemption (town_id, redemption_id)
WHERE released_at IS NULL;
COMMENT ON INDEX treasury.redemption_in_one_payment IS 'No request is paid twice, whatever the interleaving; serves treasury/sql/open_redemptions.sql.';

GRANT USAGE ON SCHEMA treasury TO koinon_app;
GRANT SELECT, INSERT ON ALL TABLES IN SCHEMA treasury TO koinon_app;
GRANT UPDATE (minimum_minor, file_format, execution_days, source, set_by, set_at) ON treasury.terms TO koinon_app;
GRANT UPDATE (undo_transfer_id, undone_at, undone_by) ON treasury.redemption TO koinon_app;
GRANT UPDATE (
    state, approved_by, approved_at, exported_by, exported_at, file_format, execution_day, file_digest,
    settled_by, settled_at, cancelled_by, cancelled_at
) ON treasury.run TO koinon_app;
GRANT UPDATE (state, transfer_id, paid_at, return_transfer_id, returned_at, reason) ON treasury.payment TO koinon_app;
GRANT UPDATE (released_at) ON treasury.payment_redemption TO koinon_app;
