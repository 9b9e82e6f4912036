-- Residents and shops buy units: what they asked for, and the euros that came for it.
SET LOCAL lock_timeout = '5s';

ALTER TABLE treasury.receipt ALTER COLUMN fund DROP NOT NULL;
COMMENT ON TABLE treasury.receipt IS 'Euros that came into the reserve, from the town''s budget for a fund or from somebody who tops up, or went back.';
COMMENT ON COLUMN treasury.receipt.fund IS 'The fund whose reserve it is; NULL for a top-up, which becomes free money.';

CREATE TABLE treasury.topup (
    town_id integer NOT NULL,
    id uuid NOT NULL,
    party uuid NOT NULL,
    amount_minor bigint NOT NULL,
    way text NOT NULL,
    reference text NOT NULL,
    key text NOT NULL,
    state text NOT NULL DEFAULT 'pending',
    requested_at timestamptz NOT NULL,
    requested_by text NOT NULL,
    received_minor bigint,
    received_way text,
    received_at timestamptz,
    received_by text,
    receipt_id uuid,
    issue_transfer_id uuid,
    transfer_id uuid,
    bank_reference text,
    card_reference text,
    cancelled_at timestamptz,
    cancelled_by text,
    CONSTRAINT topup_pkey PRIMARY KEY (town_id, id),
    CONSTRAINT topup_key_once UNIQUE (town_id, key),
    CONSTRAINT reference_names_one_topup UNIQUE (town_id, reference),
    CONSTRAINT bank_entry_for_one_topup UNIQUE (town_id, bank_reference),
    CONSTRAINT card_payment_for_one_topup UNIQUE (town_id, card_reference),
    CONSTRAINT receipt_of_the_topup FOREIGN KEY (town_id, receipt_id) REFERENCES treasury.receipt (town_id, id),
    CONSTRAINT way_is_known CHECK (way IN ('bank', 'card') AND received_way IN ('bank', 'card')),
    CONSTRAINT state_is_known CHECK (state IN ('pending', 'received', 'cancelled')),
    CONSTRAINT amounts_are_positive CHECK (amount_minor > 0 AND received_minor > 0),
    CONSTRAINT reference_is_structured CHECK (reference ~ '^RF[0-9]{2}[0-9A-Z]{1,21}$'),
    CONSTRAINT sources_are_opaque CHECK (
        bank_reference ~ '^[A-Za-z0-9:._/#-]{1,64}$' AND card_reference ~ '^[A-Za-z0-9:._/#-]{1,64}$'
    ),
    CONSTRAINT actors_are_opaque CHECK (
        requested_by ~ '^[A-Za-z0-9:._/#-]{1,80}$' AND received_by ~ '^[A-Za-z0-9:._/#-]{1,80}$'
        AND cancelled_by ~ '^[A-Za-z0-9:._/#-]{1,80}$'
    ),
    CONSTRAINT received_wholly_or_not CHECK (
        num_nulls(
            received_minor, received_way, received_at, received_by, receipt_id, issue_transfer_id, transfer_id
        ) IN (0, 7)
        AND ((state = 'received') = (received_at IS NOT NULL))
    ),
    CONSTRAINT received_because_somebody_said_so CHECK (
        CASE received_way WHEN 'bank' THEN bank_reference IS NOT NULL WHEN 'card' THEN card_reference IS NOT NULL
        ELSE num_nonnulls(bank_reference, card_reference) = 0 END
    ),
    CONSTRAINT cancelled_says_when CHECK (
        num_nulls(cancelled_at, cancelled_by) IN (0, 2) AND (state <> 'cancelled' OR cancelled_at IS NOT NULL)
    )
);
COMMENT ON TABLE treasury.topup IS 'Somebody buys units. They are issued once the euros are there, whoever says so first: the bank''s statement or the card provider.';
COMMENT ON COLUMN treasury.topup.way IS 'How the party means to pay.';
COMMENT ON COLUMN treasury.topup.reference IS 'Structured creditor reference (ISO 11649) that comes back in the bank''s statement.';
COMMENT ON COLUMN treasury.topup.received_minor IS 'What came, and so what was issued; a treasurer may accept another amount than was announced.';
COMMENT ON COLUMN treasury.topup.received_way IS 'Who said so first.';
COMMENT ON COLUMN treasury.topup.bank_reference IS 'The bank''s own reference of the entry, once its statement has shown it, first or second.';
COMMENT ON COLUMN treasury.topup.card_reference IS 'The card provider''s own reference of the payment, once it has said so, first or second.';
COMMENT ON COLUMN treasury.topup.cancelled_at IS 'When the party gave it up. Euros that come all the same are credited all the same.';
CREATE INDEX topup_by_party ON treasury.topup (town_id, party, requested_at);
COMMENT ON INDEX treasury.topup_by_party IS 'Serves treasury/sql/topups.sql.';
CREATE INDEX topup_waiting ON treasury.topup (town_id, requested_at) WHERE state = 'pending';
COMMENT ON INDEX treasury.topup_waiting IS 'Serves treasury/sql/topups.sql where only those that wait are asked for.';

GRANT SELECT, INSERT ON treasury.topup TO koinon_app;
GRANT UPDATE (
    state, received_minor, received_way, received_at, received_by, receipt_id, issue_transfer_id, transfer_id,
    bank_reference, card_reference, cancelled_at, cancelled_by
) ON treasury.topup TO koinon_app;
