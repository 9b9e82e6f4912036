-- What was published of each month that is over, as it was published: nothing that changes later may change it.
SET LOCAL lock_timeout = '5s';

CREATE TABLE impact.published (
    town_id integer NOT NULL,
    month text NOT NULL,
    content jsonb NOT NULL,
    published_at timestamptz NOT NULL,
    published_by text NOT NULL,
    CONSTRAINT published_pkey PRIMARY KEY (town_id, month),
    CONSTRAINT published_month_is_a_month CHECK (month ~ '^[0-9]{4}-(0[1-9]|1[0-2])$'),
    CONSTRAINT published_by_is_opaque CHECK (published_by ~ '^[A-Za-z0-9:._/#-]{1,80}$')
);
COMMENT ON TABLE impact.published IS 'A month as everybody may see it, after disclosure control. Kept, because from two publications of the same month (a shop has moved to another neighbourhood, a payment came late) the difference would follow.';
COMMENT ON COLUMN impact.published.content IS 'koinon.impact.published.MonthPublished; nothing in it is exact that may not be.';

GRANT SELECT, INSERT ON impact.published TO koinon_app;
