-- What the law and the town's accountants ask for: thresholds, agreements, wordings, the chart of accounts, and what
-- the town pays out of its own till.
SET LOCAL lock_timeout = '5s';

CREATE SCHEMA accounting;
COMMENT ON SCHEMA accounting IS 'Records a town keeps for its accountants, its shops and the authorities.';

CREATE TABLE accounting.threshold (
    country text NOT NULL,
    act text NOT NULL,
    article text NOT NULL,
    from_day date NOT NULL,
    until_day date,
    amount_minor bigint NOT NULL,
    currency text NOT NULL,
    months integer NOT NULL,
    source text NOT NULL,
    CONSTRAINT threshold_pkey PRIMARY KEY (country, act, article, from_day),
    CONSTRAINT amount_is_positive CHECK (amount_minor > 0 AND months > 0),
    CONSTRAINT it_begins_before_it_ends CHECK (until_day IS NULL OR until_day >= from_day)
);
COMMENT ON TABLE accounting.threshold IS 'Above what volume of payments a limited network is notified to the authority, by country and day. Law, so dated and with its source.';
COMMENT ON COLUMN accounting.threshold.months IS 'Length of the rolling period in months.';
INSERT INTO accounting.threshold (country, act, article, from_day, amount_minor, currency, months, source)
SELECT
    state.code, 'Directive (EU) 2015/2366', '37(2)', DATE '2018-01-13', 100000000, 'EUR', 12,
    'https://eur-lex.europa.eu/eli/dir/2015/2366/oj'
FROM unnest('{AT,BE,BG,CY,CZ,DE,DK,EE,ES,FI,FR,GR,HR,HU,IE,IT,LT,LU,LV,MT,NL,PL,PT,RO,SE,SI,SK,IS,LI,NO}'::text []) AS state (code);

CREATE TABLE accounting.notification (
    town_id integer NOT NULL,
    id uuid NOT NULL,
    sent_on date NOT NULL,
    authority text NOT NULL,
    reference text NOT NULL,
    volume_minor bigint NOT NULL,
    recorded_by text NOT NULL,
    recorded_at timestamptz NOT NULL,
    CONSTRAINT notification_pkey PRIMARY KEY (town_id, id),
    CONSTRAINT a_notification_is_recorded_once UNIQUE (town_id, sent_on, reference),
    CONSTRAINT volume_is_not_negative CHECK (volume_minor >= 0)
);
COMMENT ON TABLE accounting.notification IS 'That the authority was told of the volume of a limited network.';

CREATE TABLE accounting.fund_record (
    town_id integer NOT NULL,
    fund uuid NOT NULL,
    from_day date NOT NULL,
    convertible_by text NOT NULL,
    limited_to text NOT NULL,
    source text NOT NULL,
    set_by text NOT NULL,
    set_at timestamptz NOT NULL,
    CONSTRAINT fund_record_pkey PRIMARY KEY (town_id, fund, from_day),
    CONSTRAINT convertible_by_is_known CHECK (convertible_by IN ('nobody', 'shops', 'anybody'))
);
COMMENT ON TABLE accounting.fund_record IS 'Who may turn money of a fund into the national currency, and to what its use is limited, from a local day on.';
COMMENT ON COLUMN accounting.fund_record.limited_to IS 'The network or the range of goods that the exclusion rests on, in a sentence.';
COMMENT ON COLUMN accounting.fund_record.source IS 'The regulation or agreement that says so.';

CREATE TABLE accounting.agreement (
    town_id integer NOT NULL,
    party uuid NOT NULL,
    signed_on date NOT NULL,
    until_day date,
    reference text NOT NULL,
    recorded_by text NOT NULL,
    recorded_at timestamptz NOT NULL,
    CONSTRAINT agreement_pkey PRIMARY KEY (town_id, party, signed_on),
    CONSTRAINT it_begins_before_it_ends CHECK (until_day IS NULL OR until_day >= signed_on),
    CONSTRAINT reference_is_opaque CHECK (reference ~ '^[A-Za-z0-9:._/#-]{1,80}$')
);
COMMENT ON TABLE accounting.agreement IS 'The commercial agreement between the town and an organisation that takes part: without one its till is outside the limited network.';

CREATE TABLE accounting.wording (
    town_id integer NOT NULL,
    kind text NOT NULL,
    language text NOT NULL,
    from_day date NOT NULL,
    body text NOT NULL,
    set_by text NOT NULL,
    set_at timestamptz NOT NULL,
    CONSTRAINT wording_pkey PRIMARY KEY (town_id, kind, language, from_day),
    CONSTRAINT kind_is_known CHECK (kind IN ('shop-statement')),
    CONSTRAINT body_is_short CHECK (length(body) BETWEEN 1 AND 4000)
);
COMMENT ON TABLE accounting.wording IS 'What a statement says about taxes, in the town''s own words, from a day on.';

CREATE TABLE accounting.chart (
    town_id integer NOT NULL,
    place text NOT NULL,
    number text NOT NULL,
    name text NOT NULL,
    set_by text NOT NULL,
    set_at timestamptz NOT NULL,
    CONSTRAINT chart_pkey PRIMARY KEY (town_id, place),
    CONSTRAINT number_is_short CHECK (number ~ '^[0-9A-Za-z.-]{1,20}$')
);
COMMENT ON TABLE accounting.chart IS 'The number and name that the town''s accounting has for each kind of account of the books; without a row, the default.';

CREATE TABLE accounting.town_payment (
    town_id integer NOT NULL,
    id uuid NOT NULL,
    key text NOT NULL,
    payee uuid NOT NULL,
    amount_minor bigint NOT NULL,
    purpose text NOT NULL,
    reference text NOT NULL,
    state text NOT NULL DEFAULT 'prepared',
    prepared_by text NOT NULL,
    prepared_at timestamptz NOT NULL,
    approved_by text,
    approved_at timestamptz,
    cancelled_by text,
    cancelled_at timestamptz,
    CONSTRAINT town_payment_pkey PRIMARY KEY (town_id, id),
    CONSTRAINT town_payment_key_once UNIQUE (town_id, key),
    CONSTRAINT amount_is_positive CHECK (amount_minor > 0),
    CONSTRAINT purpose_is_known CHECK (purpose IN ('SUPP', 'SALA', 'SCVE', 'GOVT')),
    CONSTRAINT reference_is_opaque CHECK (reference ~ '^[A-Za-z0-9:._/#-]{1,80}$'),
    CONSTRAINT state_is_known CHECK (state IN ('prepared', 'paid', 'cancelled')),
    CONSTRAINT two_people CHECK (approved_by <> prepared_by),
    CONSTRAINT approved_says_when CHECK (
        num_nulls(approved_by, approved_at) IN (0, 2) AND ((state = 'paid') = (approved_at IS NOT NULL))
    ),
    CONSTRAINT cancelled_says_when CHECK (
        num_nulls(cancelled_by, cancelled_at) IN (0, 2) AND ((state = 'cancelled') = (cancelled_at IS NOT NULL))
    )
);
COMMENT ON TABLE accounting.town_payment IS 'What the town pays out of its own till: suppliers, wages, services. Its id is that of the payment.';
COMMENT ON COLUMN accounting.town_payment.purpose IS 'ISO 20022 external purpose code: SUPP supplier, SALA salary, SCVE purchase of services, GOVT government payment.';
CREATE INDEX town_payment_newest ON accounting.town_payment (town_id, prepared_at);
COMMENT ON INDEX accounting.town_payment_newest IS 'Serves accounting/sql/town_payments.sql.';

GRANT USAGE ON SCHEMA accounting TO koinon_app;
GRANT SELECT ON ALL TABLES IN SCHEMA accounting TO koinon_app;
GRANT INSERT ON accounting.threshold, accounting.notification, accounting.fund_record, accounting.agreement, accounting.wording, accounting.chart, accounting.town_payment TO koinon_app;
GRANT UPDATE (until_day) ON accounting.agreement TO koinon_app;
GRANT UPDATE (number, name, set_by, set_at) ON accounting.chart TO koinon_app;
GRANT UPDATE (state, approved_by, approved_at, cancelled_by, cancelled_at) ON accounting.town_payment TO koinon_app;
