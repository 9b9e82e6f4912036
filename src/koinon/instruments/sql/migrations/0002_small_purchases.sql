-- Small purchases without a PIN: on which terms a town allows them, and what each card has paid so.
SET LOCAL lock_timeout = '5s';

CREATE TABLE instruments.small_terms (
    town_id integer NOT NULL,
    from_day date NOT NULL,
    most_minor bigint NOT NULL,
    per_day_minor bigint NOT NULL,
    set_at timestamptz NOT NULL,
    set_by text NOT NULL,
    CONSTRAINT small_terms_pkey PRIMARY KEY (town_id, from_day),
    CONSTRAINT small_terms_hold_together CHECK (
        (most_minor = 0 AND per_day_minor = 0) OR (most_minor > 0 AND per_day_minor >= most_minor)
    ),
    CONSTRAINT small_terms_set_by_is_opaque CHECK (set_by ~ '^[A-Za-z0-9:._/#-]{1,80}$')
);
COMMENT ON TABLE instruments.small_terms IS 'Up to how much a scanned card pays without a PIN, from a local day on; without a row, and where it says 0, nothing.';
COMMENT ON COLUMN instruments.small_terms.from_day IS 'The first local day on which these terms hold.';
COMMENT ON COLUMN instruments.small_terms.most_minor IS 'The largest purchase without a PIN, in minor units; 0: none.';
COMMENT ON COLUMN instruments.small_terms.per_day_minor IS 'The most that all purchases of a card without a PIN come to on a local day.';

CREATE TABLE instruments.small_purchase (
    town_id integer NOT NULL,
    payment uuid NOT NULL,
    instrument uuid NOT NULL,
    day date NOT NULL,
    amount_minor bigint NOT NULL,
    CONSTRAINT small_purchase_pkey PRIMARY KEY (town_id, payment),
    CONSTRAINT small_purchase_is_positive CHECK (amount_minor > 0)
);
COMMENT ON TABLE instruments.small_purchase IS 'Payments for which no PIN was asked, while their day is counted; those of a card that are older than a month go with its next one.';
COMMENT ON COLUMN instruments.small_purchase.day IS 'The local day of the town''s own clock.';
CREATE INDEX small_purchase_by_card ON instruments.small_purchase (town_id, instrument, day);
COMMENT ON INDEX instruments.small_purchase_by_card IS 'Serves instruments/sql/small_spent.sql.';

GRANT SELECT, INSERT ON instruments.small_terms, instruments.small_purchase TO koinon_app;
GRANT DELETE ON instruments.small_purchase TO koinon_app;
