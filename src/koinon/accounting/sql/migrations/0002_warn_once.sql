-- That a town was warned about its volume of payments, so that it is warned once.
SET LOCAL lock_timeout = '5s';

CREATE TABLE accounting.warning (
    town_id integer NOT NULL,
    at timestamptz NOT NULL,
    standing text NOT NULL,
    volume_minor bigint NOT NULL,
    CONSTRAINT warning_pkey PRIMARY KEY (town_id, at),
    CONSTRAINT standing_is_known CHECK (standing IN ('no-threshold', 'below', 'near', 'above', 'notified'))
);
COMMENT ON TABLE accounting.warning IS 'Where a town stood to its threshold each time that changed; going up, its treasury was told.';

GRANT SELECT, INSERT ON accounting.warning TO koinon_app;
