-- People whom a household lets pay for it: cards of their own, with a limit by the day and a last day.
--
-- An authorisation is between two opaque parties: whose money it is, and who carries the card. The name of the
-- second stands in the vault under a key of its own. A card of an authorisation pays from the first party's purses,
-- and a card that takes its place stays under the same authorisation.
SET LOCAL lock_timeout = '5s';

CREATE TABLE instruments.authorisation (
    town_id integer NOT NULL,
    id uuid NOT NULL,
    party uuid NOT NULL,
    person uuid NOT NULL,
    per_day_minor bigint NOT NULL,
    last_day date NOT NULL,
    made_at timestamptz NOT NULL,
    made_by text NOT NULL,
    ended_at timestamptz,
    ended_by text,
    CONSTRAINT authorisation_pkey PRIMARY KEY (town_id, id),
    CONSTRAINT person_once UNIQUE (town_id, person),
    CONSTRAINT nobody_authorises_themselves CHECK (party <> person),
    CONSTRAINT per_day_is_positive CHECK (per_day_minor > 0),
    CONSTRAINT made_by_is_opaque CHECK (made_by ~ '^[A-Za-z0-9:._/#-]{1,80}$'),
    CONSTRAINT ended_by_is_opaque CHECK (ended_by ~ '^[A-Za-z0-9:._/#-]{1,80}$'),
    CONSTRAINT ended_says_when CHECK (num_nulls(ended_at, ended_by) IN (0, 2))
);
COMMENT ON TABLE instruments.authorisation IS 'That somebody may pay for somebody else, how much a day and until when.';
COMMENT ON COLUMN instruments.authorisation.party IS 'Whose purses pay: a household, or a person without one.';
COMMENT ON COLUMN instruments.authorisation.person IS 'Who carries the card: a party of kind authorised, whose name is in the vault.';
COMMENT ON COLUMN instruments.authorisation.per_day_minor IS 'What all its cards together may pay on one local day, in minor units, refunds taken off.';
COMMENT ON COLUMN instruments.authorisation.last_day IS 'Last local day on which its cards pay.';
CREATE INDEX authorisation_by_party ON instruments.authorisation (town_id, party);
COMMENT ON INDEX instruments.authorisation_by_party IS 'Serves instruments/sql/authorisations_of_party.sql.';

ALTER TABLE instruments.card
ADD COLUMN authorisation uuid,
ADD CONSTRAINT authorisation_is_there FOREIGN KEY (town_id, authorisation)
REFERENCES instruments.authorisation (town_id, id),
ADD CONSTRAINT authorised_once_handed_over CHECK (authorisation IS NULL OR party IS NOT NULL);
COMMENT ON COLUMN instruments.card.authorisation IS 'Under which authorisation it pays; empty for a card of the holder''s own.';
CREATE INDEX card_by_authorisation ON instruments.card (town_id, authorisation) WHERE authorisation IS NOT NULL;
COMMENT ON INDEX instruments.card_by_authorisation IS 'Serves instruments/sql/cards_of_authorisation.sql.';

CREATE TABLE instruments.authorised_payment (
    town_id integer NOT NULL,
    payment uuid NOT NULL,
    authorisation uuid NOT NULL,
    card uuid NOT NULL,
    day date NOT NULL,
    CONSTRAINT authorised_payment_pkey PRIMARY KEY (town_id, payment),
    CONSTRAINT authorisation_is_there FOREIGN KEY (town_id, authorisation)
    REFERENCES instruments.authorisation (town_id, id),
    CONSTRAINT card_is_there FOREIGN KEY (town_id, card) REFERENCES instruments.card (town_id, id)
);
COMMENT ON TABLE instruments.authorised_payment IS 'Which payments were made by whose card but the holder''s own. Amounts stand in the books alone.';
COMMENT ON COLUMN instruments.authorised_payment.day IS 'The local day under whose limit it falls.';
CREATE INDEX authorised_payment_by_day ON instruments.authorised_payment (town_id, authorisation, day);
COMMENT ON INDEX instruments.authorised_payment_by_day IS 'Serves instruments/sql/authorised_payments.sql.';

GRANT SELECT, INSERT ON instruments.authorisation, instruments.authorised_payment TO koinon_app;
GRANT UPDATE (per_day_minor, last_day, ended_at, ended_by) ON instruments.authorisation TO koinon_app;
GRANT UPDATE (authorisation) ON instruments.card TO koinon_app;
