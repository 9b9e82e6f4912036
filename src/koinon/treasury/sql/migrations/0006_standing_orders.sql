-- Shops that are paid out on every run without asking.
SET LOCAL lock_timeout = '5s';

CREATE TABLE treasury.standing_order (
    town_id integer NOT NULL,
    party uuid NOT NULL,
    keep_minor bigint NOT NULL,
    upto date NOT NULL,
    set_by text NOT NULL,
    set_at timestamptz NOT NULL,
    CONSTRAINT standing_order_pkey PRIMARY KEY (town_id, party),
    CONSTRAINT keep_is_not_negative CHECK (keep_minor >= 0),
    CONSTRAINT set_by_is_opaque CHECK (set_by ~ '^[A-Za-z0-9:._/#-]{1,80}$')
);
COMMENT ON TABLE treasury.standing_order IS 'A business that wants whatever its till holds above an amount paid out on every run.';
COMMENT ON COLUMN treasury.standing_order.keep_minor IS 'What stays in its till, in minor units.';
COMMENT ON COLUMN treasury.standing_order.upto IS 'The local day up to which runs were asked for; the next one is asked for once.';

GRANT SELECT, INSERT, UPDATE, DELETE ON treasury.standing_order TO koinon_app;
