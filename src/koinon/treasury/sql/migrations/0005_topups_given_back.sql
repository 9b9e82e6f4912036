-- Top-ups whose euros went back to whoever had brought them: charged back, paid twice, or brought by mistake.
SET LOCAL lock_timeout = '5s';

CREATE TABLE treasury.topup_return (
    town_id integer NOT NULL,
    id uuid NOT NULL,
    topup_id uuid NOT NULL,
    amount_minor bigint NOT NULL,
    receipt_id uuid NOT NULL,
    transfer_id uuid NOT NULL,
    unissue_transfer_id uuid NOT NULL,
    returned_at timestamptz NOT NULL,
    returned_by text NOT NULL,
    CONSTRAINT topup_return_pkey PRIMARY KEY (town_id, id),
    CONSTRAINT topup_it_gives_back FOREIGN KEY (town_id, topup_id) REFERENCES treasury.topup (town_id, id),
    CONSTRAINT receipt_of_the_return FOREIGN KEY (town_id, receipt_id) REFERENCES treasury.receipt (town_id, id),
    CONSTRAINT amount_is_positive CHECK (amount_minor > 0),
    CONSTRAINT returned_by_is_opaque CHECK (returned_by ~ '^[A-Za-z0-9:._/#-]{1,80}$')
);
COMMENT ON TABLE treasury.topup_return IS 'Euros of a top-up that went back, wholly or in part: its units left the purse or till, and its bonus was undone in proportion.';
COMMENT ON COLUMN treasury.topup_return.receipt_id IS 'The euros that left the reserve, with the bank''s own reference.';
COMMENT ON COLUMN treasury.topup_return.transfer_id IS 'The reversal of the top-up''s transfer.';
CREATE INDEX topup_return_by_topup ON treasury.topup_return (town_id, topup_id);
COMMENT ON INDEX treasury.topup_return_by_topup IS 'Serves treasury/sql/topups.sql.';

GRANT SELECT, INSERT ON treasury.topup_return TO koinon_app;
