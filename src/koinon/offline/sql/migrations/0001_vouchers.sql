-- Payments that tills accepted without a network: the terms, the tills, the vouchers and what became of them.
--
-- Nothing here leads from a voucher to the code of a card: the code arrives sealed, is opened with a key outside the
-- database, finds its card, and is kept nowhere. What a till signed is kept with its signature.
SET LOCAL lock_timeout = '5s';

CREATE SCHEMA offline;
COMMENT ON SCHEMA offline IS 'Vouchers of tills that had no network, and who bore what could not be paid.';

CREATE DOMAIN offline.actor AS text CHECK (VALUE ~ '^[A-Za-z0-9:._/#-]{1,80}$');

CREATE TABLE offline.terms (
    town_id integer NOT NULL,
    from_day date NOT NULL,
    voucher_most_minor bigint NOT NULL,
    card_most_minor bigint NOT NULL,
    device_most_minor bigint NOT NULL,
    sync_days integer NOT NULL,
    devices_most integer NOT NULL,
    bearer text NOT NULL,
    fund_id uuid,
    month_most_minor bigint NOT NULL,
    source text NOT NULL,
    set_by offline.actor NOT NULL,
    set_at timestamptz NOT NULL,
    CONSTRAINT terms_pkey PRIMARY KEY (town_id, from_day),
    CONSTRAINT caps_in_order CHECK (
        voucher_most_minor > 0 AND voucher_most_minor <= card_most_minor AND card_most_minor <= device_most_minor
    ),
    CONSTRAINT sync_days_are_few CHECK (sync_days BETWEEN 1 AND 30),
    CONSTRAINT devices_are_few CHECK (devices_most BETWEEN 1 AND 50),
    CONSTRAINT bearer_is_known CHECK (bearer IN ('town', 'shop')),
    CONSTRAINT the_town_names_its_fund CHECK (
        (bearer = 'town') = (fund_id IS NOT NULL) AND (bearer = 'town') = (month_most_minor > 0) AND month_most_minor >= 0
    )
);
COMMENT ON TABLE offline.terms IS 'What a town promises about payments without a network from a local day on; the latest that has begun holds.';
COMMENT ON COLUMN offline.terms.voucher_most_minor IS 'Most of one payment, in minor units.';
COMMENT ON COLUMN offline.terms.card_most_minor IS 'Most that one card pays offline on one local day, in minor units.';
COMMENT ON COLUMN offline.terms.device_most_minor IS 'Most that one till has accepted and not sent yet, in minor units.';
COMMENT ON COLUMN offline.terms.sync_days IS 'Days after which a voucher comes too late for the town to bear its loss.';
COMMENT ON COLUMN offline.terms.devices_most IS 'Tills that one shop may have registered at a time.';
COMMENT ON COLUMN offline.terms.bearer IS 'Who bears what cannot be paid and no till could know: town or shop.';
COMMENT ON COLUMN offline.terms.fund_id IS 'The fund out of which the town bears it.';
COMMENT ON COLUMN offline.terms.month_most_minor IS 'Most that the town bears of what arrives in one local month; 0 where the shop bears it.';
COMMENT ON COLUMN offline.terms.source IS 'The regulation or agreement that says so.';

CREATE TABLE offline.shop (
    town_id integer NOT NULL,
    party uuid NOT NULL,
    since timestamptz NOT NULL,
    set_by offline.actor NOT NULL,
    ended_at timestamptz,
    ended_by offline.actor,
    CONSTRAINT shop_pkey PRIMARY KEY (town_id, party, since),
    CONSTRAINT ended_says_who CHECK (num_nulls(ended_at, ended_by) IN (0, 2) AND ended_at >= since)
);
COMMENT ON TABLE offline.shop IS 'Which shops the town has switched on, and how long.';
CREATE UNIQUE INDEX shop_is_on_once ON offline.shop (town_id, party) WHERE ended_at IS NULL;
COMMENT ON INDEX offline.shop_is_on_once IS 'A shop is switched on once at a time.';

CREATE TABLE offline.device (
    town_id integer NOT NULL,
    id uuid NOT NULL,
    number integer NOT NULL,
    party uuid NOT NULL,
    label text NOT NULL,
    algorithm text NOT NULL,
    public_key bytea NOT NULL,
    registered_at timestamptz NOT NULL,
    registered_by offline.actor NOT NULL,
    revoked_at timestamptz,
    revoked_by offline.actor,
    synced_at timestamptz,
    CONSTRAINT device_pkey PRIMARY KEY (town_id, id),
    CONSTRAINT device_number_once UNIQUE (town_id, number),
    CONSTRAINT key_once UNIQUE (town_id, public_key),
    CONSTRAINT number_is_positive CHECK (number > 0),
    CONSTRAINT label_is_short CHECK (length(label) BETWEEN 1 AND 40),
    CONSTRAINT key_is_of_its_algorithm CHECK (
        (algorithm = 'ed25519' AND length(public_key) = 32) OR (algorithm = 'p256' AND length(public_key) = 65)
    ),
    CONSTRAINT revoked_says_who CHECK (num_nulls(revoked_at, revoked_by) IN (0, 2))
);
COMMENT ON TABLE offline.device IS 'A till that may accept payments offline. The private half of its key never left it.';
COMMENT ON COLUMN offline.device.number IS 'Counts the town''s tills: a voucher is named by it and its own counter, such as 3-17.';
COMMENT ON COLUMN offline.device.synced_at IS 'When the till last reached the town.';
CREATE INDEX device_by_party ON offline.device (town_id, party);
COMMENT ON INDEX offline.device_by_party IS 'Serves offline/sql/devices.sql.';

CREATE TABLE offline.tally (
    town_id integer NOT NULL,
    devices integer NOT NULL DEFAULT 0,
    CONSTRAINT tally_pkey PRIMARY KEY (town_id)
);
COMMENT ON TABLE offline.tally IS 'One row a town, locked by whoever settles a voucher: what comes first is settled first, and no cap is looked at twice at once.';
COMMENT ON COLUMN offline.tally.devices IS 'How many tills were ever numbered.';

CREATE TABLE offline.voucher (
    town_id integer NOT NULL,
    id uuid NOT NULL,
    device uuid NOT NULL,
    counter integer NOT NULL,
    clashes boolean NOT NULL DEFAULT FALSE,
    party uuid NOT NULL,
    card uuid,
    amount_minor bigint NOT NULL,
    accepted_at timestamptz NOT NULL,
    received_at timestamptz NOT NULL,
    day date NOT NULL,
    month date NOT NULL,
    paid_minor bigint NOT NULL,
    covered_minor bigint NOT NULL,
    owed_minor bigint NOT NULL,
    borne_minor bigint NOT NULL,
    fund_id uuid,
    payment_id uuid,
    grounds jsonb NOT NULL DEFAULT '[]',
    body bytea NOT NULL,
    digest bytea NOT NULL,
    signature bytea NOT NULL,
    CONSTRAINT voucher_pkey PRIMARY KEY (town_id, id),
    CONSTRAINT voucher_once UNIQUE (town_id, device, digest),
    CONSTRAINT device_of_the_voucher FOREIGN KEY (town_id, device) REFERENCES offline.device (town_id, id),
    CONSTRAINT counter_is_positive CHECK (counter > 0),
    CONSTRAINT digest_is_of_the_body CHECK (digest = sha256(body)),
    CONSTRAINT every_unit_is_somebodys CHECK (
        amount_minor > 0 AND paid_minor >= 0 AND covered_minor >= 0 AND owed_minor >= 0 AND borne_minor >= 0
        AND amount_minor = paid_minor + covered_minor + owed_minor + borne_minor
    ),
    CONSTRAINT paid_by_a_payment CHECK ((paid_minor > 0) = (payment_id IS NOT NULL) AND (paid_minor = 0 OR card IS NOT NULL)),
    CONSTRAINT covered_out_of_a_fund CHECK ((covered_minor + owed_minor > 0) = (fund_id IS NOT NULL)),
    CONSTRAINT a_loss_has_its_grounds CHECK (paid_minor = amount_minor OR jsonb_array_length(grounds) > 0),
    CONSTRAINT month_begins_on_its_first CHECK (extract(DAY FROM month) = 1)
);
COMMENT ON TABLE offline.voucher IS 'What a till accepted offline, as it signed it, and who paid how much of it. Settled once, when it arrives.';
COMMENT ON COLUMN offline.voucher.clashes IS 'Another voucher of this till came first with the same counter.';
COMMENT ON COLUMN offline.voucher.card IS 'The card; NULL where the code could not be opened or is none of the town''s.';
COMMENT ON COLUMN offline.voucher.day IS 'Local day on which the till accepted it.';
COMMENT ON COLUMN offline.voucher.month IS 'First day of the local month in which it arrived.';
COMMENT ON COLUMN offline.voucher.paid_minor IS 'Paid from the purses of the card''s holder, by the payment payment_id.';
COMMENT ON COLUMN offline.voucher.covered_minor IS 'Paid to the shop by the town out of fund_id (ledger code cover).';
COMMENT ON COLUMN offline.voucher.owed_minor IS 'The town''s to pay as soon as fund_id has the money.';
COMMENT ON COLUMN offline.voucher.borne_minor IS 'What the shop bears.';
COMMENT ON COLUMN offline.voucher.body IS 'The bytes that the till signed; docs/algorithms/offline-vouchers.md.';
CREATE UNIQUE INDEX counter_once ON offline.voucher (town_id, device, counter) WHERE NOT clashes;
COMMENT ON INDEX offline.counter_once IS 'Serves offline/sql/vouchers.sql, gaps.sql and seen_by_till.sql.';
CREATE INDEX voucher_of_card ON offline.voucher (town_id, card, day) WHERE card IS NOT NULL;
COMMENT ON INDEX offline.voucher_of_card IS 'Serves offline/sql/seen_of_card.sql.';
CREATE INDEX voucher_by_month ON offline.voucher (town_id, month, id);
COMMENT ON INDEX offline.voucher_by_month IS 'Serves offline/sql/vouchers.sql, totals.sql and borne_in_month.sql.';
CREATE INDEX voucher_owed ON offline.voucher (town_id, id) WHERE owed_minor > 0;
COMMENT ON INDEX offline.voucher_owed IS 'Serves offline/sql/lock_owed.sql and is_owed.sql.';

GRANT USAGE ON SCHEMA offline TO koinon_app;
GRANT SELECT, INSERT ON ALL TABLES IN SCHEMA offline TO koinon_app;
GRANT UPDATE (
    voucher_most_minor, card_most_minor, device_most_minor, sync_days, devices_most, bearer, fund_id, month_most_minor,
    source, set_by, set_at
) ON offline.terms TO koinon_app;
GRANT UPDATE (ended_at, ended_by) ON offline.shop TO koinon_app;
GRANT UPDATE (revoked_at, revoked_by, synced_at) ON offline.device TO koinon_app;
GRANT UPDATE (devices) ON offline.tally TO koinon_app;
GRANT UPDATE (covered_minor, owed_minor) ON offline.voucher TO koinon_app;
