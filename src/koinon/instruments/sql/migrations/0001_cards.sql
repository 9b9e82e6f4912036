-- Cards, their PINs, and how often a wrong one was typed.
--
-- A card is opaque: its code leads through a keyed digest to its row and from there to a
-- party's id. Names stand in the vault, money in the ledger, and the key of the digest, the pepper of
-- the PINs and the key of tokens not handed over yet in a file outside the database.
SET LOCAL lock_timeout = '5s';

CREATE SCHEMA instruments;
COMMENT ON SCHEMA instruments IS 'Cards and PINs: what somebody pays with.';

CREATE TABLE instruments.card (
    town_id integer NOT NULL,
    id uuid NOT NULL,
    number text NOT NULL,
    token_digest bytea NOT NULL,
    key_id text,
    sealed_token bytea,
    state text NOT NULL DEFAULT 'made',
    party uuid,
    batch uuid NOT NULL,
    made_at timestamptz NOT NULL,
    made_by text NOT NULL,
    handed_at timestamptz,
    handed_by text,
    blocked_at timestamptz,
    ended_at timestamptz,
    ended_by text,
    why text NOT NULL DEFAULT '',
    replaced_by uuid,
    replaces uuid,
    CONSTRAINT card_pkey PRIMARY KEY (town_id, id),
    CONSTRAINT number_once UNIQUE (town_id, number),
    CONSTRAINT token_once UNIQUE (town_id, token_digest),
    CONSTRAINT number_has_twelve_digits CHECK (number ~ '^[0-9]{12}$'),
    CONSTRAINT digest_is_whole CHECK (length(token_digest) = 32),
    CONSTRAINT state_is_known CHECK (state IN ('made', 'active', 'blocked', 'replaced', 'withdrawn')),
    CONSTRAINT token_is_kept_until_handed_over CHECK (
        num_nulls(key_id, sealed_token) IN (0, 2) AND (sealed_token IS NULL OR state = 'made')
    ),
    CONSTRAINT handed_over_to_somebody CHECK (
        num_nulls(handed_at, handed_by) IN (0, 2) AND (handed_at IS NULL OR party IS NOT NULL)
        AND (state NOT IN ('active', 'blocked', 'replaced') OR handed_at IS NOT NULL)
        AND (state <> 'made' OR handed_at IS NULL)
    ),
    CONSTRAINT blocked_says_when CHECK (state <> 'blocked' OR blocked_at IS NOT NULL),
    CONSTRAINT ended_says_when CHECK (
        num_nulls(ended_at, ended_by) IN (0, 2) AND ((state IN ('replaced', 'withdrawn')) = (ended_at IS NOT NULL))
    ),
    CONSTRAINT replaced_says_by_which CHECK ((state = 'replaced') = (replaced_by IS NOT NULL)),
    CONSTRAINT why_is_a_code CHECK (why ~ '^[a-z]{0,20}$'),
    CONSTRAINT made_by_is_opaque CHECK (made_by ~ '^[A-Za-z0-9:._/#-]{1,80}$'),
    CONSTRAINT handed_by_is_opaque CHECK (handed_by ~ '^[A-Za-z0-9:._/#-]{1,80}$'),
    CONSTRAINT ended_by_is_opaque CHECK (ended_by ~ '^[A-Za-z0-9:._/#-]{1,80}$')
);
COMMENT ON TABLE instruments.card IS 'A card: made, handed over, perhaps blocked, in the end replaced or withdrawn. The same for everybody.';
COMMENT ON COLUMN instruments.card.number IS 'Twelve digits to type, of which the last two are checks (ISO/IEC 7064 MOD 97-10).';
COMMENT ON COLUMN instruments.card.token_digest IS 'HMAC-SHA256 of what the QR code says, by a key outside the database.';
COMMENT ON COLUMN instruments.card.sealed_token IS 'What the QR code says, sealed by the key key_id, for printing; gone for good once the card is handed over.';
COMMENT ON COLUMN instruments.card.party IS 'The holder; of a card made only, for whom it is meant, where it is for somebody.';
COMMENT ON COLUMN instruments.card.batch IS 'What was made in one go.';
COMMENT ON COLUMN instruments.card.why IS 'Why it was last blocked, unblocked, replaced or withdrawn, as a code.';
CREATE INDEX card_by_party ON instruments.card (town_id, party) WHERE party IS NOT NULL;
COMMENT ON INDEX instruments.card_by_party IS 'Serves instruments/sql/cards_of_party.sql.';
CREATE INDEX card_by_batch ON instruments.card (town_id, batch);
COMMENT ON INDEX instruments.card_by_batch IS 'Serves instruments/sql/cards_of_batch.sql.';

CREATE TABLE instruments.pin (
    town_id integer NOT NULL,
    instrument uuid NOT NULL,
    hash text NOT NULL,
    set_at timestamptz NOT NULL,
    set_by text NOT NULL,
    CONSTRAINT pin_pkey PRIMARY KEY (town_id, instrument),
    CONSTRAINT hash_is_argon2id CHECK (hash LIKE '$argon2id$%'),
    CONSTRAINT set_by_is_opaque CHECK (set_by ~ '^[A-Za-z0-9:._/#-]{1,80}$')
);
COMMENT ON TABLE instruments.pin IS 'The PIN of a card, by a slow hash of a keyed hash: without the key outside the database no PIN can be tried on it.';
COMMENT ON COLUMN instruments.pin.instrument IS 'The card.';
COMMENT ON COLUMN instruments.pin.hash IS 'Argon2id of HMAC-SHA256(pepper, town, card and PIN).';

CREATE TABLE instruments.tries (
    town_id integer NOT NULL,
    instrument uuid NOT NULL,
    way text NOT NULL,
    counted integer NOT NULL DEFAULT 0,
    last_at timestamptz NOT NULL,
    CONSTRAINT tries_pkey PRIMARY KEY (town_id, instrument, way),
    CONSTRAINT way_is_known CHECK (way IN ('scanned', 'typed')),
    CONSTRAINT counted_is_not_negative CHECK (counted >= 0)
) WITH (fillfactor = 70);
COMMENT ON TABLE instruments.tries IS 'How many PINs in a row were looked at and not right; counted and committed before one is looked at.';
COMMENT ON COLUMN instruments.tries.way IS 'Whether the card was scanned or its number typed: each is locked by itself.';

CREATE TABLE instruments.place (
    town_id integer NOT NULL,
    place text NOT NULL,
    began_at timestamptz NOT NULL,
    wrong integer NOT NULL DEFAULT 0,
    CONSTRAINT place_pkey PRIMARY KEY (town_id, place),
    CONSTRAINT place_is_opaque CHECK (place ~ '^[A-Za-z0-9:._/#-]{1,80}$'),
    CONSTRAINT wrong_is_not_negative CHECK (wrong >= 0)
) WITH (fillfactor = 70);
COMMENT ON TABLE instruments.place IS 'How many wrong PINs were typed at a till within its hour, whatever the card.';

GRANT USAGE ON SCHEMA instruments TO koinon_app;
GRANT SELECT, INSERT ON ALL TABLES IN SCHEMA instruments TO koinon_app;
GRANT UPDATE (
    state, key_id, sealed_token, party, handed_at, handed_by, blocked_at, ended_at, ended_by, why, replaced_by, replaces
) ON instruments.card TO koinon_app;
GRANT UPDATE (hash, set_at, set_by), DELETE ON instruments.pin TO koinon_app;
GRANT UPDATE (counted, last_at), DELETE ON instruments.tries TO koinon_app;
GRANT UPDATE (began_at, wrong), DELETE ON instruments.place TO koinon_app;
