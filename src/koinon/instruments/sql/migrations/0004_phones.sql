-- A phone beside the cards: an instrument of somebody's account on the site, shown by codes that are good once and for a minute.
--
-- A phone stands among the cards, so that whoever helps at the counter finds, blocks and withdraws it in the same place, and
-- so that its PIN is kept and counted as a card's is. It has no code of its own that could be copied.
SET LOCAL lock_timeout = '5s';

ALTER TABLE instruments.card ADD COLUMN kind text NOT NULL DEFAULT 'card';
ALTER TABLE instruments.card ADD COLUMN account integer;
ALTER TABLE instruments.card ADD CONSTRAINT kind_is_known CHECK (kind IN ('card', 'phone')) NOT VALID;
ALTER TABLE instruments.card ADD CONSTRAINT phone_is_of_an_account CHECK ((kind = 'phone') = (account IS NOT NULL)) NOT VALID;
ALTER TABLE instruments.card ADD CONSTRAINT phone_is_not_printed CHECK (
    kind <> 'phone' OR (state IN ('active', 'blocked', 'withdrawn') AND party IS NOT NULL)
) NOT VALID;
ALTER TABLE instruments.card VALIDATE CONSTRAINT kind_is_known;
ALTER TABLE instruments.card VALIDATE CONSTRAINT phone_is_of_an_account;
ALTER TABLE instruments.card VALIDATE CONSTRAINT phone_is_not_printed;
COMMENT ON COLUMN instruments.card.kind IS 'card, or phone: an account on the site that pays by codes of its own.';
COMMENT ON COLUMN instruments.card.account IS 'Of a phone: the user whose account it is.';
CREATE UNIQUE INDEX phone_of_account ON instruments.card (town_id, party, account)
WHERE kind = 'phone' AND state IN ('active', 'blocked');
COMMENT ON INDEX instruments.phone_of_account IS 'Serves instruments/sql/phone_of.sql; an account has one phone for each party it acts for.';

CREATE TABLE instruments.shown_code (
    town_id integer NOT NULL,
    digest bytea NOT NULL,
    number_digest bytea NOT NULL,
    instrument uuid NOT NULL,
    made_at timestamptz NOT NULL,
    shown_until timestamptz NOT NULL,
    place text,
    taken_at timestamptz,
    payment uuid,
    CONSTRAINT shown_code_pkey PRIMARY KEY (town_id, digest),
    CONSTRAINT shown_number_once UNIQUE (town_id, number_digest),
    CONSTRAINT shown_code_ends_after_it_begins CHECK (shown_until > made_at),
    CONSTRAINT taken_at_a_place CHECK (num_nulls(place, taken_at) IN (0, 2)),
    CONSTRAINT paid_where_it_was_taken CHECK (payment IS NULL OR place IS NOT NULL),
    CONSTRAINT place_is_opaque CHECK (place ~ '^[A-Za-z0-9:._/#-]{1,80}$')
) WITH (fillfactor = 70);
COMMENT ON TABLE instruments.shown_code IS 'Codes that phones showed: each is taken by one till, pays once, and is swept away a day later.';
COMMENT ON COLUMN instruments.shown_code.digest IS 'HMAC-SHA256 of what the QR code said, by a key outside the database; the code itself is kept nowhere.';
COMMENT ON COLUMN instruments.shown_code.number_digest IS 'The same of the ten digits that are typed where nothing can be scanned.';
COMMENT ON COLUMN instruments.shown_code.instrument IS 'The phone.';
COMMENT ON COLUMN instruments.shown_code.shown_until IS 'Until when a till may take it.';
COMMENT ON COLUMN instruments.shown_code.place IS 'The till that took it; to any other it is used up.';
COMMENT ON COLUMN instruments.shown_code.payment IS 'The one payment it made.';
CREATE INDEX shown_code_by_phone ON instruments.shown_code (town_id, instrument);
COMMENT ON INDEX instruments.shown_code_by_phone IS 'Serves instruments/sql/drop_shown_codes.sql.';
CREATE INDEX shown_code_by_age ON instruments.shown_code (made_at);
COMMENT ON INDEX instruments.shown_code_by_age IS 'Serves instruments/sql/sweep_shown_codes.sql.';

GRANT SELECT, INSERT, DELETE ON instruments.shown_code TO koinon_app;
GRANT UPDATE (place, taken_at, payment) ON instruments.shown_code TO koinon_app;
