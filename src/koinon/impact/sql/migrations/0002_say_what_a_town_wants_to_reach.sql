-- What a town wants to reach, and what figures need that no book holds: residents, conversion factors, running costs.
SET LOCAL lock_timeout = '5s';

CREATE TABLE impact.target (
    town_id integer NOT NULL,
    indicator text NOT NULL,
    part text NOT NULL,
    by_day date NOT NULL,
    from_day date NOT NULL,
    value numeric NOT NULL,
    source text NOT NULL,
    set_by text NOT NULL,
    set_at timestamptz NOT NULL,
    CONSTRAINT target_pkey PRIMARY KEY (town_id, indicator, part, by_day),
    CONSTRAINT it_begins_before_it_ends CHECK (from_day <= by_day),
    CONSTRAINT value_has_no_more_than_nine_places CHECK (value = round(value, 9)),
    CONSTRAINT set_by_is_opaque CHECK (set_by ~ '^[A-Za-z0-9:._/#-]{1,80}$')
);
COMMENT ON TABLE impact.target IS 'What a town wants an indicator to be by a local day. One that is over stays as it was: what was promised is part of the record.';
COMMENT ON COLUMN impact.target.indicator IS 'Its key, as koinon.impact.indicators.catalogue lists it.';
COMMENT ON COLUMN impact.target.part IS 'Which part of an indicator that has several: the code of a neighbourhood, an activity, a stream; empty for the whole.';
COMMENT ON COLUMN impact.target.from_day IS 'From which local day on it is shown beside the figure.';
COMMENT ON COLUMN impact.target.value IS 'In the indicator''s own unit: a share between 0 and 1, a ratio, days, or the town''s unit (not minor units).';
COMMENT ON COLUMN impact.target.source IS 'The decision that says so.';

CREATE TABLE impact.zone_residents (
    town_id integer NOT NULL,
    zone text NOT NULL,
    from_day date NOT NULL,
    residents integer NOT NULL,
    source text NOT NULL,
    set_by text NOT NULL,
    set_at timestamptz NOT NULL,
    CONSTRAINT zone_residents_pkey PRIMARY KEY (town_id, zone, from_day),
    CONSTRAINT residents_are_counted CHECK (residents >= 0),
    CONSTRAINT set_by_is_opaque CHECK (set_by ~ '^[A-Za-z0-9:._/#-]{1,80}$')
);
COMMENT ON TABLE impact.zone_residents IS 'How many people live in a neighbourhood, from a local day on until its next row, as a named source counts them.';

CREATE TABLE impact.conversion_factor (
    town_id integer NOT NULL,
    stream text NOT NULL,
    from_day date NOT NULL,
    grams_per_kilogram integer NOT NULL,
    source text NOT NULL,
    set_by text NOT NULL,
    set_at timestamptz NOT NULL,
    CONSTRAINT conversion_factor_pkey PRIMARY KEY (town_id, stream, from_day),
    CONSTRAINT source_is_named CHECK (source <> ''),
    CONSTRAINT set_by_is_opaque CHECK (set_by ~ '^[A-Za-z0-9:._/#-]{1,80}$')
);
COMMENT ON TABLE impact.conversion_factor IS 'What separating a kilogram of a stream spares the climate, from a local day on until the stream''s next row.';
COMMENT ON COLUMN impact.conversion_factor.grams_per_kilogram IS 'Grams of CO2 equivalent spared for each kilogram; below zero where it costs.';

CREATE TABLE impact.running_cost (
    town_id integer NOT NULL,
    activity text NOT NULL,
    from_day date NOT NULL,
    until_day date NOT NULL,
    amount_minor bigint NOT NULL,
    source text NOT NULL,
    set_by text NOT NULL,
    set_at timestamptz NOT NULL,
    CONSTRAINT running_cost_pkey PRIMARY KEY (town_id, activity, from_day, source),
    CONSTRAINT it_begins_before_it_ends CHECK (from_day <= until_day),
    CONSTRAINT amount_is_not_negative CHECK (amount_minor >= 0),
    CONSTRAINT set_by_is_opaque CHECK (set_by ~ '^[A-Za-z0-9:._/#-]{1,80}$')
);
COMMENT ON TABLE impact.running_cost IS 'What an activity costs beside its rewards, spread evenly over the local days from from_day to until_day.';

CREATE TABLE impact.reuse (
    town_id integer NOT NULL,
    activity text NOT NULL,
    set_by text NOT NULL,
    set_at timestamptz NOT NULL,
    CONSTRAINT reuse_pkey PRIMARY KEY (town_id, activity),
    CONSTRAINT set_by_is_opaque CHECK (set_by ~ '^[A-Za-z0-9:._/#-]{1,80}$')
);
COMMENT ON TABLE impact.reuse IS 'Activities that give things to be used again; what other activities weigh is material to be recycled.';

GRANT SELECT, INSERT ON impact.target, impact.zone_residents, impact.conversion_factor, impact.running_cost, impact.reuse TO koinon_app;
GRANT UPDATE (from_day, value, source, set_by, set_at) ON impact.target TO koinon_app;
GRANT UPDATE (residents, source, set_by, set_at) ON impact.zone_residents TO koinon_app;
GRANT UPDATE (grams_per_kilogram, source, set_by, set_at) ON impact.conversion_factor TO koinon_app;
GRANT UPDATE (until_day, amount_minor, set_by, set_at) ON impact.running_cost TO koinon_app;
