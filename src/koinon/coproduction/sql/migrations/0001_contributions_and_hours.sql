-- What residents contribute, what it earns them, and the hours that members of a time bank owe each other.
--
-- Quantities are whole smallest steps of a measure: minutes, grams, sessions. Amounts are minor units of the town's unit.
-- Nothing here is ever deleted; the columns that may change say how far a contribution has come.
SET LOCAL lock_timeout = '5s';

CREATE SCHEMA coproduction;
COMMENT ON SCHEMA coproduction IS 'Activities, contributions and their rewards; time banks; certificates.';

CREATE DOMAIN coproduction.actor AS text CHECK (VALUE ~ '^[A-Za-z0-9:._/#-]{1,80}$');
CREATE DOMAIN coproduction.measure AS text CHECK (VALUE IN ('hour', 'kilogram', 'session'));
CREATE DOMAIN coproduction.code AS text CHECK (VALUE ~ '^[a-z0-9][a-z0-9-]{0,39}$');

CREATE TABLE coproduction.purse_strings (
    town_id integer NOT NULL,
    programme_id uuid NOT NULL,
    fund_id uuid NOT NULL,
    granted_minor bigint NOT NULL DEFAULT 0,
    CONSTRAINT purse_strings_pkey PRIMARY KEY (town_id, programme_id),
    CONSTRAINT one_programme_a_fund UNIQUE (town_id, fund_id),
    CONSTRAINT granted_is_not_negative CHECK (granted_minor >= 0)
);
COMMENT ON TABLE coproduction.purse_strings IS 'What each co-production programme has granted. Whoever grants or takes back locks this row first, so that no interleaving crosses the budget.';
COMMENT ON COLUMN coproduction.purse_strings.granted_minor IS 'Rewards paid, less what was taken back.';

CREATE TABLE coproduction.time_bank (
    town_id integer NOT NULL,
    id uuid NOT NULL,
    code coproduction.code NOT NULL,
    name text NOT NULL,
    unit text NOT NULL,
    credit_limit integer NOT NULL,
    most integer NOT NULL,
    account integer NOT NULL,
    founded_by coproduction.actor NOT NULL,
    founded_at timestamptz NOT NULL,
    CONSTRAINT time_bank_pkey PRIMARY KEY (town_id, id),
    CONSTRAINT time_bank_code_once UNIQUE (town_id, code),
    CONSTRAINT time_bank_unit_once UNIQUE (town_id, unit),
    CONSTRAINT unit_is_a_code CHECK (unit ~ '^[A-Z][A-Z0-9]{1,11}$'),
    CONSTRAINT limits_leave_room CHECK (credit_limit > 0 AND most > 0)
);
COMMENT ON TABLE coproduction.time_bank IS 'A circle of members who give each other time. Its unit is its own; one minor unit is a minute.';
COMMENT ON COLUMN coproduction.time_bank.credit_limit IS 'Minutes a new member may owe the others.';
COMMENT ON COLUMN coproduction.time_bank.most IS 'Minutes a new member may have; more asks to be given back in time.';
COMMENT ON COLUMN coproduction.time_bank.account IS 'The account of the bank itself, held by the town: it pays the hours of activities.';

CREATE TABLE coproduction.time_bank_member (
    town_id integer NOT NULL,
    bank_id uuid NOT NULL,
    party uuid NOT NULL,
    number integer NOT NULL,
    account integer NOT NULL,
    joined_by coproduction.actor NOT NULL,
    joined_at timestamptz NOT NULL,
    left_by coproduction.actor,
    left_at timestamptz,
    CONSTRAINT time_bank_member_pkey PRIMARY KEY (town_id, bank_id, party),
    CONSTRAINT member_number_once UNIQUE (town_id, bank_id, number),
    CONSTRAINT member_account_once UNIQUE (town_id, account),
    CONSTRAINT bank_of_the_member FOREIGN KEY (town_id, bank_id) REFERENCES coproduction.time_bank (town_id, id),
    CONSTRAINT number_is_positive CHECK (number > 0),
    CONSTRAINT left_says_who CHECK (num_nulls(left_by, left_at) IN (0, 2))
);
COMMENT ON TABLE coproduction.time_bank_member IS 'Who takes part in a time bank. Members know each other by number, with a check digit when it is shown.';
CREATE INDEX time_bank_member_by_party ON coproduction.time_bank_member (town_id, party);
COMMENT ON INDEX coproduction.time_bank_member_by_party IS 'Serves coproduction/sql/members.sql.';

CREATE TABLE coproduction.time_exchange (
    town_id integer NOT NULL,
    id uuid NOT NULL,
    bank_id uuid NOT NULL,
    payer uuid NOT NULL,
    payee uuid NOT NULL,
    minutes integer NOT NULL,
    actor coproduction.actor NOT NULL,
    at timestamptz NOT NULL,
    undone_by coproduction.actor,
    undone_at timestamptz,
    reason text NOT NULL DEFAULT '',
    CONSTRAINT time_exchange_pkey PRIMARY KEY (town_id, id),
    CONSTRAINT bank_of_the_exchange FOREIGN KEY (town_id, bank_id) REFERENCES coproduction.time_bank (town_id, id),
    CONSTRAINT minutes_are_positive CHECK (minutes > 0),
    CONSTRAINT two_members CHECK (payer <> payee),
    CONSTRAINT undone_says_who CHECK (num_nulls(undone_by, undone_at) IN (0, 2))
);
COMMENT ON TABLE coproduction.time_exchange IS 'Time that one member received from another. Its id is the id of the ledger transfer (code exchange).';
CREATE INDEX time_exchange_by_bank ON coproduction.time_exchange (town_id, bank_id, at);
COMMENT ON INDEX coproduction.time_exchange_by_bank IS 'Serves coproduction/sql/exchanges.sql.';

CREATE TABLE coproduction.activity (
    town_id integer NOT NULL,
    id uuid NOT NULL,
    code coproduction.code NOT NULL,
    name text NOT NULL,
    place text NOT NULL DEFAULT '',
    measure coproduction.measure NOT NULL,
    programme_id uuid,
    bank_id uuid,
    zones text[] NOT NULL DEFAULT '{}',
    first_day date,
    last_day date,
    second_above bigint,
    budget_minor bigint,
    granted_minor bigint NOT NULL DEFAULT 0,
    set_by coproduction.actor NOT NULL,
    set_at timestamptz NOT NULL,
    CONSTRAINT activity_pkey PRIMARY KEY (town_id, id),
    CONSTRAINT activity_code_once UNIQUE (town_id, code),
    CONSTRAINT programme_of_the_activity FOREIGN KEY (town_id, programme_id) REFERENCES coproduction.purse_strings (town_id, programme_id),
    CONSTRAINT bank_of_the_activity FOREIGN KEY (town_id, bank_id) REFERENCES coproduction.time_bank (town_id, id),
    CONSTRAINT earns_one_thing CHECK (num_nulls(programme_id, bank_id) >= 1),
    CONSTRAINT only_hours_earn_hours CHECK (bank_id IS NULL OR measure = 'hour'),
    CONSTRAINT days_in_order CHECK (last_day >= first_day),
    CONSTRAINT second_above_is_not_negative CHECK (second_above >= 0),
    CONSTRAINT budget_is_not_negative CHECK (budget_minor >= 0),
    CONSTRAINT granted_is_not_negative CHECK (granted_minor >= 0)
);
COMMENT ON TABLE coproduction.activity IS 'Something residents do that a coordinator verifies: a garden, a collection point, a class.';
COMMENT ON COLUMN coproduction.activity.programme_id IS 'The co-production programme whose fund rewards it; empty where it earns hours, or nothing but a certificate.';
COMMENT ON COLUMN coproduction.activity.bank_id IS 'The time bank that credits its hours.';
COMMENT ON COLUMN coproduction.activity.zones IS 'Codes of the neighbourhoods whose residents may take part; empty: all.';
COMMENT ON COLUMN coproduction.activity.second_above IS 'Above this quantity a second coordinator confirms; empty: never.';
COMMENT ON COLUMN coproduction.activity.budget_minor IS 'Ceiling of what this activity may grant; empty: the fund''s alone.';

CREATE TABLE coproduction.rate (
    town_id integer NOT NULL,
    activity_id uuid NOT NULL,
    stream text NOT NULL,
    from_day date NOT NULL,
    pays_minor bigint NOT NULL,
    per_quantity bigint NOT NULL,
    source text NOT NULL DEFAULT '',
    set_by coproduction.actor NOT NULL,
    set_at timestamptz NOT NULL,
    CONSTRAINT rate_pkey PRIMARY KEY (town_id, activity_id, stream, from_day),
    CONSTRAINT activity_of_the_rate FOREIGN KEY (town_id, activity_id) REFERENCES coproduction.activity (town_id, id),
    CONSTRAINT pays_is_not_negative CHECK (pays_minor >= 0),
    CONSTRAINT per_is_positive CHECK (per_quantity > 0)
);
COMMENT ON TABLE coproduction.rate IS 'What a quantity earns, from a local day on until the next row of the stream. A rate by which something was rewarded is never rewritten.';
COMMENT ON COLUMN coproduction.rate.stream IS 'glass, paper, ...; empty where the activity has no streams.';
COMMENT ON COLUMN coproduction.rate.source IS 'The decision or table that says so.';

CREATE TABLE coproduction.cap (
    town_id integer NOT NULL,
    activity_id uuid NOT NULL,
    stream text NOT NULL,
    period text NOT NULL,
    from_day date NOT NULL,
    most_quantity bigint,
    most_minor bigint,
    source text NOT NULL DEFAULT '',
    set_by coproduction.actor NOT NULL,
    set_at timestamptz NOT NULL,
    CONSTRAINT cap_pkey PRIMARY KEY (town_id, activity_id, stream, period, from_day),
    CONSTRAINT activity_of_the_cap FOREIGN KEY (town_id, activity_id) REFERENCES coproduction.activity (town_id, id),
    CONSTRAINT period_is_known CHECK (period IN ('day', 'month', 'activity')),
    CONSTRAINT most_is_not_negative CHECK (most_quantity >= 0 AND most_minor >= 0)
);
COMMENT ON TABLE coproduction.cap IS 'The most that one person is rewarded for in a day, a month or the whole activity, from a local day on until the next row. Both empty: no cap from that day on.';
COMMENT ON COLUMN coproduction.cap.stream IS 'The stream it limits; empty: all streams together.';

CREATE TABLE coproduction.occasion (
    town_id integer NOT NULL,
    id uuid NOT NULL,
    activity_id uuid NOT NULL,
    place text NOT NULL DEFAULT '',
    opens_at timestamptz NOT NULL,
    closes_at timestamptz NOT NULL,
    opened_by coproduction.actor NOT NULL,
    opened_at timestamptz NOT NULL,
    closed_by coproduction.actor,
    closed_at timestamptz,
    CONSTRAINT occasion_pkey PRIMARY KEY (town_id, id),
    CONSTRAINT activity_of_the_occasion FOREIGN KEY (town_id, activity_id) REFERENCES coproduction.activity (town_id, id),
    CONSTRAINT closes_after_it_opens CHECK (closes_at > opens_at),
    CONSTRAINT closed_says_who CHECK (num_nulls(closed_by, closed_at) IN (0, 2))
);
COMMENT ON TABLE coproduction.occasion IS 'A time at a place in which people register themselves by its QR code.';
CREATE INDEX occasion_by_activity ON coproduction.occasion (town_id, activity_id, closes_at);
COMMENT ON INDEX coproduction.occasion_by_activity IS 'Serves coproduction/sql/occasions.sql.';

CREATE TABLE coproduction.contribution (
    town_id integer NOT NULL,
    id uuid NOT NULL,
    activity_id uuid NOT NULL,
    occasion_id uuid,
    party uuid NOT NULL,
    payee uuid NOT NULL,
    stream text NOT NULL,
    quantity bigint NOT NULL,
    day date NOT NULL,
    state text NOT NULL DEFAULT 'registered',
    needs_second boolean NOT NULL,
    once text,
    replaces uuid,
    registered_by coproduction.actor NOT NULL,
    registered_at timestamptz NOT NULL,
    confirmed_by coproduction.actor,
    confirmed_at timestamptz,
    verified_by coproduction.actor,
    verified_at timestamptz,
    rewarded_quantity bigint,
    reward_minor bigint,
    reward_minutes bigint,
    grounds jsonb NOT NULL DEFAULT '[]',
    ended_by coproduction.actor,
    ended_at timestamptz,
    taken_back bigint,
    reason text NOT NULL DEFAULT '',
    CONSTRAINT contribution_pkey PRIMARY KEY (town_id, id),
    CONSTRAINT activity_of_the_contribution FOREIGN KEY (town_id, activity_id) REFERENCES coproduction.activity (town_id, id),
    CONSTRAINT occasion_of_the_contribution FOREIGN KEY (town_id, occasion_id) REFERENCES coproduction.occasion (town_id, id),
    CONSTRAINT state_is_known CHECK (state IN ('registered', 'confirmed', 'verified', 'rejected', 'undone')),
    CONSTRAINT quantity_is_positive CHECK (quantity > 0),
    CONSTRAINT confirmed_says_who CHECK (
        num_nulls(confirmed_by, confirmed_at) IN (0, 2) AND (state <> 'confirmed' OR confirmed_at IS NOT NULL)
    ),
    CONSTRAINT verified_says_what CHECK (
        num_nulls(verified_by, verified_at, rewarded_quantity, reward_minor, reward_minutes) IN (0, 5)
        AND (state NOT IN ('verified', 'undone') OR verified_at IS NOT NULL)
        AND (state NOT IN ('registered', 'confirmed', 'rejected') OR verified_at IS NULL)
    ),
    CONSTRAINT second_person CHECK (NOT needs_second OR verified_at IS NULL OR (confirmed_by IS NOT NULL AND confirmed_by <> verified_by)),
    CONSTRAINT reward_is_within CHECK (rewarded_quantity BETWEEN 0 AND quantity AND reward_minor >= 0 AND reward_minutes >= 0),
    CONSTRAINT ended_says_who CHECK (
        num_nulls(ended_by, ended_at) IN (0, 2) AND ((state IN ('rejected', 'undone')) = (ended_at IS NOT NULL))
    ),
    CONSTRAINT taken_back_is_within CHECK (
        (state = 'undone') = (taken_back IS NOT NULL) AND taken_back BETWEEN 0 AND reward_minor + reward_minutes
    )
);
COMMENT ON TABLE coproduction.contribution IS 'What somebody did: registered by themselves or a coordinator, verified, rewarded within the caps; or rejected; or undone.';
COMMENT ON COLUMN coproduction.contribution.party IS 'Who did it: a person, or a household in its own name. Caps count by this.';
COMMENT ON COLUMN coproduction.contribution.payee IS 'Whose purse the reward goes to: the person''s household, or the person where there is none.';
COMMENT ON COLUMN coproduction.contribution.once IS 'Of hours and sessions somebody registers once for an occasion and day; empty where more than one makes sense.';
COMMENT ON COLUMN coproduction.contribution.replaces IS 'The contribution that this one corrects.';
COMMENT ON COLUMN coproduction.contribution.rewarded_quantity IS 'How much of the quantity the caps let count.';
COMMENT ON COLUMN coproduction.contribution.reward_minor IS 'What was paid into the purse.';
COMMENT ON COLUMN coproduction.contribution.reward_minutes IS 'What the time bank credited.';
COMMENT ON COLUMN coproduction.contribution.grounds IS 'Why less than the whole was rewarded: code and fields of each reason.';
COMMENT ON COLUMN coproduction.contribution.taken_back IS 'How much of the reward was still there to be taken back, in its own unit.';
CREATE UNIQUE INDEX registered_once ON coproduction.contribution (town_id, once)
WHERE once IS NOT NULL AND state NOT IN ('rejected', 'undone');
COMMENT ON INDEX coproduction.registered_once IS 'Two taps on a phone register one presence.';
CREATE INDEX contribution_by_party ON coproduction.contribution (town_id, payee, party, activity_id, day);
COMMENT ON INDEX coproduction.contribution_by_party IS 'Serves coproduction/sql/rewarded.sql and contributions.sql.';
CREATE INDEX contribution_waiting ON coproduction.contribution (town_id, activity_id, registered_at)
WHERE state IN ('registered', 'confirmed');
COMMENT ON INDEX coproduction.contribution_waiting IS 'Serves coproduction/sql/contributions.sql for whoever verifies.';

CREATE TABLE coproduction.certificate (
    town_id integer NOT NULL,
    id uuid NOT NULL,
    party uuid NOT NULL,
    first_day date NOT NULL,
    last_day date NOT NULL,
    totals jsonb NOT NULL,
    issued_by coproduction.actor NOT NULL,
    issued_at timestamptz NOT NULL,
    CONSTRAINT certificate_pkey PRIMARY KEY (town_id, id),
    CONSTRAINT days_in_order CHECK (last_day >= first_day)
);
COMMENT ON TABLE coproduction.certificate IS 'What was certified to whom. The name stands on the paper only; whoever holds the paper can check the figures.';
COMMENT ON COLUMN coproduction.certificate.totals IS 'One entry for each activity and stream: name, measure, stream, times, quantity.';
CREATE INDEX certificate_by_party ON coproduction.certificate (town_id, party);
COMMENT ON INDEX coproduction.certificate_by_party IS 'Serves coproduction/sql/certificates.sql.';

GRANT USAGE ON SCHEMA coproduction TO koinon_app;
GRANT SELECT, INSERT ON ALL TABLES IN SCHEMA coproduction TO koinon_app;
GRANT UPDATE (granted_minor) ON coproduction.purse_strings TO koinon_app;
GRANT UPDATE (name, credit_limit, most) ON coproduction.time_bank TO koinon_app;
GRANT UPDATE (left_by, left_at) ON coproduction.time_bank_member TO koinon_app;
GRANT UPDATE (undone_by, undone_at, reason) ON coproduction.time_exchange TO koinon_app;
GRANT UPDATE (name, place, zones, first_day, last_day, second_above, budget_minor, granted_minor, set_by, set_at) ON coproduction.activity TO koinon_app;
GRANT UPDATE (pays_minor, per_quantity, source, set_by, set_at) ON coproduction.rate TO koinon_app;
GRANT UPDATE (most_quantity, most_minor, source, set_by, set_at) ON coproduction.cap TO koinon_app;
GRANT UPDATE (closed_by, closed_at) ON coproduction.occasion TO koinon_app;
GRANT UPDATE (
    state, confirmed_by, confirmed_at, verified_by, verified_at, rewarded_quantity, reward_minor, reward_minutes, grounds,
    ended_by, ended_at, taken_back, reason
) ON coproduction.contribution TO koinon_app;
