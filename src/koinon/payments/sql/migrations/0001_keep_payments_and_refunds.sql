-- What payers and payees agreed, and what was given back. The money itself is in the ledger.
SET LOCAL lock_timeout = '5s';

CREATE SCHEMA payments;
COMMENT ON SCHEMA payments IS 'What a payer and a payee agreed. The transfers stand in the ledger, in a group with the payment''s id.';

CREATE TABLE payments.payment (
    town_id integer NOT NULL,
    id uuid NOT NULL,
    payer uuid NOT NULL,
    payee uuid NOT NULL,
    amount_minor bigint NOT NULL,
    unit text NOT NULL,
    refunded_minor bigint NOT NULL DEFAULT 0,
    key text NOT NULL,
    effective_at timestamptz NOT NULL,
    posted_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    actor text NOT NULL,
    reference text NOT NULL DEFAULT '',
    CONSTRAINT payment_pkey PRIMARY KEY (town_id, id),
    CONSTRAINT payment_key_is_used_once UNIQUE (town_id, key),
    CONSTRAINT amount_is_positive CHECK (amount_minor > 0),
    CONSTRAINT refunds_never_exceed CHECK (refunded_minor BETWEEN 0 AND amount_minor),
    CONSTRAINT parties_differ CHECK (payer <> payee),
    CONSTRAINT key_is_opaque CHECK (key ~ '^[A-Za-z0-9:._/#-]{1,200}$'),
    CONSTRAINT actor_is_opaque CHECK (actor ~ '^[A-Za-z0-9:._/#-]{1,80}$'),
    CONSTRAINT reference_is_opaque CHECK (reference ~ '^[A-Za-z0-9:._/#-]{0,80}$')
);
COMMENT ON TABLE payments.payment IS 'A payment that was posted. Its transfers in the ledger carry its id as their group.';
COMMENT ON COLUMN payments.payment.refunded_minor IS 'Sum of the refunds of this payment; changed by payments.record_refund only.';
COMMENT ON COLUMN payments.payment.effective_at IS 'When it happened, as its caller says.';
COMMENT ON COLUMN payments.payment.posted_at IS 'When it was posted, by the clock of the database.';
COMMENT ON COLUMN payments.payment.reference IS 'A receipt number or the like; nothing about a person.';
CREATE INDEX payment_by_payee ON payments.payment (town_id, payee, effective_at, id);
CREATE INDEX payment_by_payer ON payments.payment (town_id, payer, effective_at, id);
COMMENT ON INDEX payments.payment_by_payee IS 'Serves payments/sql/sales.sql and sales_by_day.sql.';
COMMENT ON INDEX payments.payment_by_payer IS 'Serves payments/sql/spent_of_day.sql.';

CREATE TABLE payments.refund (
    town_id integer NOT NULL,
    id uuid NOT NULL,
    payment uuid NOT NULL,
    amount_minor bigint NOT NULL,
    key text NOT NULL,
    effective_at timestamptz NOT NULL,
    posted_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    actor text NOT NULL,
    CONSTRAINT refund_pkey PRIMARY KEY (town_id, id),
    CONSTRAINT refund_key_is_used_once UNIQUE (town_id, key),
    CONSTRAINT refund_is_of_a_payment FOREIGN KEY (town_id, payment) REFERENCES payments.payment (town_id, id),
    CONSTRAINT amount_is_positive CHECK (amount_minor > 0),
    CONSTRAINT key_is_opaque CHECK (key ~ '^[A-Za-z0-9:._/#-]{1,200}$'),
    CONSTRAINT actor_is_opaque CHECK (actor ~ '^[A-Za-z0-9:._/#-]{1,80}$')
);
COMMENT ON TABLE payments.refund IS 'What was given back of a payment. Its reversals in the ledger carry its id as their group.';
CREATE INDEX refund_by_payment ON payments.refund (town_id, payment);
COMMENT ON INDEX payments.refund_by_payment IS 'Serves payments/sql/refunds_of_payment.sql.';

-- Make the payments of one payer take turns until the transaction ends.
--
-- Limits by the day and the order of purses look at more than one account, and
-- so cannot be kept by the accounts' own locks. The lock is on a number derived
-- from town and party: two parties that happen to share one wait for each
-- other, which is harmless.
CREATE FUNCTION payments.one_at_a_time(p_town integer, p_party uuid) RETURNS void
LANGUAGE sql
SET search_path = pg_catalog
AS $$
    SELECT pg_advisory_xact_lock(hashtextextended(p_party::text, p_town))
$$;

-- Lock a payment until the transaction ends, so that its refunds take turns. Whether there is one.
CREATE FUNCTION payments.lock_payment(p_town integer, p_payment uuid) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, payments
AS $$
BEGIN
    PERFORM 1 FROM payments.payment WHERE town_id = p_town AND id = p_payment FOR NO KEY UPDATE;
    RETURN FOUND;
END $$;

-- Write down a refund whose reversals were posted.
--
-- The table's own check keeps the sum of refunds within the payment; this
-- function is the only way to change it, and adds the refund's line with it.
CREATE FUNCTION payments.record_refund(
    p_town integer,
    p_id uuid,
    p_payment uuid,
    p_amount bigint,
    p_key text,
    p_effective_at timestamptz,
    p_actor text
) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, payments
AS $$
BEGIN
    UPDATE payments.payment SET refunded_minor = refunded_minor + p_amount
    WHERE town_id = p_town AND id = p_payment;
    INSERT INTO payments.refund (town_id, id, payment, amount_minor, key, effective_at, actor)
    VALUES (p_town, p_id, p_payment, p_amount, p_key, p_effective_at, p_actor);
END $$;

REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA payments FROM PUBLIC;
GRANT USAGE ON SCHEMA payments TO koinon_app;
GRANT SELECT ON ALL TABLES IN SCHEMA payments TO koinon_app;
GRANT INSERT (town_id, id, payer, payee, amount_minor, unit, key, effective_at, actor, reference)
ON payments.payment TO koinon_app;
GRANT EXECUTE ON FUNCTION payments.one_at_a_time, payments.lock_payment, payments.record_refund TO koinon_app;
