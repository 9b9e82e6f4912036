-- Tills: who works at one, when, and what became of each charge.
SET LOCAL lock_timeout = '5s';

CREATE TABLE payments.cashier (
    town_id integer NOT NULL,
    id uuid NOT NULL,
    payee uuid NOT NULL,
    role text NOT NULL,
    sealed_name bytea NOT NULL,
    pin_hash text NOT NULL,
    counted integer NOT NULL DEFAULT 0,
    last_at timestamptz,
    made_at timestamptz NOT NULL,
    made_by text NOT NULL,
    ended_at timestamptz,
    ended_by text,
    CONSTRAINT cashier_pkey PRIMARY KEY (town_id, id),
    CONSTRAINT cashier_role_is_known CHECK (role IN ('cashier', 'manager')),
    CONSTRAINT cashier_hash_is_argon2id CHECK (pin_hash LIKE '$argon2id$%'),
    CONSTRAINT cashier_counted_is_not_negative CHECK (counted >= 0 AND (counted = 0 OR last_at IS NOT NULL)),
    CONSTRAINT cashier_made_by_is_opaque CHECK (made_by ~ '^[A-Za-z0-9:._/#-]{1,80}$'),
    CONSTRAINT cashier_ended_by_somebody CHECK (num_nulls(ended_at, ended_by) IN (0, 2)),
    CONSTRAINT cashier_ended_by_is_opaque CHECK (ended_by ~ '^[A-Za-z0-9:._/#-]{1,80}$')
);
COMMENT ON TABLE payments.cashier IS 'Who works at a shop''s tills; a shop without rows has one person at its till, who signed in.';
COMMENT ON COLUMN payments.cashier.payee IS 'The shop.';
COMMENT ON COLUMN payments.cashier.role IS 'A cashier charges; a manager also gives money back, closes others'' shifts and leaves the till''s pages.';
COMMENT ON COLUMN payments.cashier.sealed_name IS 'How the shop calls them, sealed under the shop''s own key in the vault.';
COMMENT ON COLUMN payments.cashier.pin_hash IS 'Argon2id of HMAC-SHA256(pepper, town, cashier and PIN).';
COMMENT ON COLUMN payments.cashier.counted IS 'PINs in a row that were looked at and not right; counted and committed before one is looked at.';
CREATE INDEX cashier_by_payee ON payments.cashier (town_id, payee);
COMMENT ON INDEX payments.cashier_by_payee IS 'Serves payments/sql/cashiers_of.sql.';

CREATE TABLE payments.shift (
    town_id integer NOT NULL,
    id uuid NOT NULL,
    payee uuid NOT NULL,
    cashier uuid,
    opened_at timestamptz NOT NULL,
    opened_by text NOT NULL,
    closed_at timestamptz,
    closed_by text,
    CONSTRAINT shift_pkey PRIMARY KEY (town_id, id),
    CONSTRAINT shift_opened_by_is_opaque CHECK (opened_by ~ '^[A-Za-z0-9:._/#-]{1,80}$'),
    CONSTRAINT shift_closed_by_somebody CHECK (num_nulls(closed_at, closed_by) IN (0, 2)),
    CONSTRAINT shift_closed_by_is_opaque CHECK (closed_by ~ '^[A-Za-z0-9:._/#-]{1,80}$'),
    CONSTRAINT shift_ends_after_it_begins CHECK (closed_at >= opened_at)
);
COMMENT ON TABLE payments.shift IS 'Somebody''s time at a till, from opening it to counting what was taken.';
COMMENT ON COLUMN payments.shift.cashier IS 'Empty where the shop has no cashiers.';
CREATE INDEX shift_by_payee ON payments.shift (town_id, payee, opened_at);
COMMENT ON INDEX payments.shift_by_payee IS 'Serves payments/sql/shifts_of.sql.';
CREATE UNIQUE INDEX shift_open_once ON payments.shift (town_id, payee, cashier) NULLS NOT DISTINCT WHERE closed_at IS NULL;
COMMENT ON INDEX payments.shift_open_once IS 'Nobody works two shifts of a shop at once; serves payments/sql/open_shift.sql.';

CREATE TABLE payments.charge (
    town_id integer NOT NULL,
    payee uuid NOT NULL,
    key uuid NOT NULL,
    payment uuid,
    amount_minor bigint NOT NULL,
    unit text NOT NULL,
    shift uuid,
    without_pin boolean NOT NULL DEFAULT FALSE,
    at timestamptz NOT NULL,
    CONSTRAINT charge_pkey PRIMARY KEY (town_id, payee, key),
    CONSTRAINT charge_payment_once UNIQUE (town_id, payment),
    CONSTRAINT charge_amount_is_not_negative CHECK (amount_minor >= 0)
);
COMMENT ON TABLE payments.charge IS 'What became of a charge that a till asked for under its key: a payment, written together with it; or nothing, for good.';
COMMENT ON COLUMN payments.charge.key IS 'Made once by the till; asking again with it never charges again.';
COMMENT ON COLUMN payments.charge.payment IS 'Empty: the till gave the charge up before it was paid, and from then on it never can be.';
COMMENT ON COLUMN payments.charge.shift IS 'Empty where no shift was open.';
CREATE INDEX charge_by_shift ON payments.charge (town_id, shift) WHERE shift IS NOT NULL;
COMMENT ON INDEX payments.charge_by_shift IS 'Serves payments/sql/shifts_of.sql.';

CREATE TABLE payments.given_back (
    town_id integer NOT NULL,
    refund uuid NOT NULL,
    payment uuid NOT NULL,
    amount_minor bigint NOT NULL,
    shift uuid,
    cashier uuid,
    at timestamptz NOT NULL,
    CONSTRAINT given_back_pkey PRIMARY KEY (town_id, refund),
    CONSTRAINT given_back_is_positive CHECK (amount_minor > 0)
);
COMMENT ON TABLE payments.given_back IS 'In which shift a refund was made, and who allowed it; written together with it.';
COMMENT ON COLUMN payments.given_back.cashier IS 'The manager whose PIN allowed it; empty where the shop has no cashiers.';
CREATE INDEX given_back_by_shift ON payments.given_back (town_id, shift) WHERE shift IS NOT NULL;
COMMENT ON INDEX payments.given_back_by_shift IS 'Serves payments/sql/shifts_of.sql.';

GRANT SELECT, INSERT ON payments.cashier, payments.shift, payments.charge, payments.given_back TO koinon_app;
GRANT UPDATE (role, sealed_name, pin_hash, counted, last_at, ended_at, ended_by) ON payments.cashier TO koinon_app;
GRANT UPDATE (closed_at, closed_by) ON payments.shift TO koinon_app;
