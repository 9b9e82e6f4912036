-- What is to be told about money, to whom, and what became of it.
--
-- Rows are written in the transaction that moves the money and sent afterwards by a
-- job. Opaque ids and amounts only; the address of a mail is looked up in the vault at the
-- moment of sending, and the secret of a webhook is sealed with a key outside the database.
SET LOCAL lock_timeout = '5s';

CREATE SCHEMA outbox;
COMMENT ON SCHEMA outbox IS 'What is to be told, to whom, and what became of it.';

CREATE TABLE outbox.listener (
    town_id integer NOT NULL,
    id uuid NOT NULL,
    channel text NOT NULL,
    kinds text[] NOT NULL,
    party uuid,
    state text NOT NULL DEFAULT 'active',
    created_at timestamptz NOT NULL,
    created_by text NOT NULL,
    -- webhooks
    url text NOT NULL DEFAULT '',
    key_id text NOT NULL DEFAULT '',
    secret bytea,
    old_key_id text NOT NULL DEFAULT '',
    old_secret bytea,
    old_secret_until timestamptz,
    failing_since timestamptz,
    failures integer NOT NULL DEFAULT 0,
    disabled_at timestamptz,
    disabled_why text NOT NULL DEFAULT '',
    -- mails
    role text NOT NULL DEFAULT '',
    at_least_minor bigint NOT NULL DEFAULT 0,
    CONSTRAINT listener_pkey PRIMARY KEY (town_id, id),
    CONSTRAINT channel_is_known CHECK (channel IN ('webhook', 'mail')),
    CONSTRAINT state_is_known CHECK (state IN ('active', 'disabled', 'removed')),
    CONSTRAINT kinds_are_named CHECK (cardinality(kinds) > 0),
    CONSTRAINT created_by_is_opaque CHECK (created_by ~ '^[A-Za-z0-9:._/#-]{1,80}$'),
    CONSTRAINT webhook_has_an_address CHECK (channel <> 'webhook' OR url <> ''),
    CONSTRAINT webhook_has_a_secret_until_removed CHECK (channel <> 'webhook' OR (secret IS NULL) = (state = 'removed')),
    CONSTRAINT old_secret_has_an_end CHECK ((old_secret IS NULL) = (old_secret_until IS NULL)),
    CONSTRAINT disabled_says_when CHECK (state <> 'disabled' OR disabled_at IS NOT NULL),
    CONSTRAINT mail_is_for_a_party_or_a_role CHECK (channel <> 'mail' OR (party IS NULL) <> (role = '')),
    CONSTRAINT role_is_of_the_staff CHECK (role IN ('', 'officer', 'approver', 'treasurer', 'auditor')),
    CONSTRAINT threshold_is_not_negative CHECK (at_least_minor >= 0),
    CONSTRAINT failures_are_counted CHECK (failures >= 0)
);
COMMENT ON TABLE outbox.listener IS 'Who is told: a webhook endpoint, or a party or staff role by e-mail.';
COMMENT ON COLUMN outbox.listener.party IS 'Hears only of events in which this party stands; empty for the town itself.';
COMMENT ON COLUMN outbox.listener.secret IS 'What webhooks are signed with, sealed by AES-256-GCM under the key key_id, which is not in the database.';
COMMENT ON COLUMN outbox.listener.old_secret IS 'The secret before, with which messages are signed as well until old_secret_until.';
COMMENT ON COLUMN outbox.listener.failing_since IS 'First failure since the last message that arrived; empty while all is well.';
COMMENT ON COLUMN outbox.listener.role IS 'Everybody who has this role in the town is written to.';
COMMENT ON COLUMN outbox.listener.at_least_minor IS 'Events with a smaller amount_minor are not told.';

CREATE INDEX listener_active ON outbox.listener (town_id, id) WHERE state = 'active';
COMMENT ON INDEX outbox.listener_active IS 'Serves outbox/sql/claim.sql.';

-- One row for each kind an active listener hears of: what money asks on its way.
CREATE TABLE outbox.subscription (
    town_id integer NOT NULL,
    kind text NOT NULL,
    party uuid NOT NULL,
    listener_id uuid NOT NULL,
    at_least_minor bigint NOT NULL,
    recipient text NOT NULL,
    CONSTRAINT subscription_pkey PRIMARY KEY (town_id, kind, party, listener_id)
);
COMMENT ON TABLE outbox.subscription IS 'Kind by kind, what active listeners hear of; kept from outbox.listener by its trigger.';
COMMENT ON COLUMN outbox.subscription.party IS 'Only events of this party; the uuid of zeros stands for every event.';
COMMENT ON COLUMN outbox.subscription.recipient IS 'Empty for a webhook; party:<id> or role:<role> for a mail.';

CREATE FUNCTION outbox.keep_subscriptions() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    DELETE FROM outbox.subscription AS s
    WHERE s.town_id = new.town_id AND s.listener_id = new.id AND s.kind = ANY (
        CASE WHEN TG_OP = 'UPDATE' THEN old.kinds ELSE '{}'::text[] END
    );
    INSERT INTO outbox.subscription (town_id, kind, party, listener_id, at_least_minor, recipient)
    SELECT DISTINCT
        new.town_id, k.kind, coalesce(new.party, '00000000-0000-0000-0000-000000000000'::uuid), new.id, new.at_least_minor,
        CASE WHEN new.channel = 'webhook' THEN '' WHEN new.role <> '' THEN 'role:' || new.role ELSE 'party:' || new.party END
    FROM unnest(new.kinds) AS k (kind)
    WHERE new.state = 'active';
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION outbox.keep_subscriptions() IS 'Writes a listener''s subscriptions anew when its kinds, party, threshold or state change.';

CREATE TRIGGER keep_subscriptions
AFTER INSERT OR UPDATE OF kinds, party, role, at_least_minor, state ON outbox.listener
FOR EACH ROW EXECUTE FUNCTION outbox.keep_subscriptions();

CREATE TABLE outbox.event (
    town_id integer NOT NULL,
    id uuid NOT NULL,
    kind text NOT NULL,
    subject uuid NOT NULL,
    at timestamptz NOT NULL,
    told_at timestamptz NOT NULL DEFAULT statement_timestamp(),
    data jsonb NOT NULL,
    CONSTRAINT event_pkey PRIMARY KEY (town_id, id),
    CONSTRAINT kind_is_a_code CHECK (kind LIKE '%.%' AND length(kind) <= 40)
);
COMMENT ON TABLE outbox.event IS 'What happened, where somebody listened to it; written in the transaction that did it.';
COMMENT ON COLUMN outbox.event.id IS 'Ordered by time (UUID version 7); the webhook-id of its messages.';
COMMENT ON COLUMN outbox.event.subject IS 'The payment, refund, hold, cycle or redemption.';
COMMENT ON COLUMN outbox.event.at IS 'When it took effect, as the books say.';
COMMENT ON COLUMN outbox.event.told_at IS 'When the row was written, by the clock of the database.';
COMMENT ON COLUMN outbox.event.data IS 'Opaque ids, codes and minor units.';

CREATE TABLE outbox.delivery (
    town_id integer NOT NULL,
    event_id uuid NOT NULL,
    listener_id uuid NOT NULL,
    recipient text NOT NULL,
    state text NOT NULL DEFAULT 'due',
    claimed boolean NOT NULL DEFAULT false,
    attempts smallint NOT NULL DEFAULT 0,
    tries smallint NOT NULL DEFAULT 0,
    next_at timestamptz NOT NULL DEFAULT statement_timestamp(),
    last_status smallint,
    last_error text NOT NULL DEFAULT '',
    finished_at timestamptz,
    CONSTRAINT delivery_pkey PRIMARY KEY (town_id, event_id, listener_id, recipient),
    CONSTRAINT state_is_known CHECK (state IN ('due', 'delivered', 'failed', 'abandoned')),
    CONSTRAINT recipient_is_opaque CHECK (recipient = '' OR recipient ~ '^(party|role|user):[A-Za-z0-9-]{1,40}$'),
    CONSTRAINT error_is_a_code CHECK (last_error = '' OR last_error ~ '^[a-z-]{1,40}$'),
    CONSTRAINT finished_or_due CHECK ((finished_at IS NULL) = (state = 'due'))
) WITH (fillfactor = 80);
COMMENT ON TABLE outbox.delivery IS 'One event on its way to one listener.';
COMMENT ON COLUMN outbox.delivery.recipient IS 'Empty for a webhook; whom a mail is for otherwise: party:<id>, user:<id>, or role:<role> until it is sent to each of them.';
COMMENT ON COLUMN outbox.delivery.claimed IS 'A worker is at it until next_at; if it dies, another takes the row up then.';
COMMENT ON COLUMN outbox.delivery.attempts IS 'How often it was tried in all.';
COMMENT ON COLUMN outbox.delivery.tries IS 'How often since it was last begun anew: what the wait before the next try follows from.';
COMMENT ON COLUMN outbox.delivery.next_at IS 'Not before this instant, by the clock of the database.';
COMMENT ON COLUMN outbox.delivery.last_error IS 'A code of docs/reference/webhooks.md; empty where it arrived.';

CREATE INDEX delivery_due ON outbox.delivery (town_id, listener_id, next_at) WHERE state = 'due';
COMMENT ON INDEX outbox.delivery_due IS 'Serves outbox/sql/claim.sql and outbox/sql/backlog.sql.';
CREATE INDEX delivery_by_listener ON outbox.delivery (town_id, listener_id, event_id);
COMMENT ON INDEX outbox.delivery_by_listener IS 'Serves outbox/sql/deliveries.sql.';

CREATE TABLE outbox.attempt (
    town_id integer NOT NULL,
    event_id uuid NOT NULL,
    listener_id uuid NOT NULL,
    recipient text NOT NULL,
    number smallint NOT NULL,
    at timestamptz NOT NULL DEFAULT statement_timestamp(),
    took_ms integer NOT NULL,
    status smallint,
    error text NOT NULL,
    CONSTRAINT attempt_pkey PRIMARY KEY (town_id, event_id, listener_id, recipient, number),
    CONSTRAINT error_is_a_code CHECK (error = '' OR error ~ '^[a-z-]{1,40}$')
);
COMMENT ON TABLE outbox.attempt IS 'Each try at a delivery and how it ended; a log.';
COMMENT ON COLUMN outbox.attempt.status IS 'Of the HTTP answer, where there was one.';

-- What is finished for longer than the town keeps logs goes; what is due never does.
CREATE FUNCTION outbox.purge(before timestamptz, most integer) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    gone integer;
BEGIN
    WITH old AS (
        SELECT d.town_id, d.event_id, d.listener_id, d.recipient
        FROM outbox.delivery AS d
        WHERE d.state <> 'due' AND d.finished_at < before
        LIMIT most
        FOR UPDATE SKIP LOCKED
    ),
    deliveries AS (
        DELETE FROM outbox.delivery AS d USING old
        WHERE (d.town_id, d.event_id, d.listener_id, d.recipient) = (old.town_id, old.event_id, old.listener_id, old.recipient)
        RETURNING d.town_id, d.event_id, d.listener_id, d.recipient
    ),
    attempts AS (
        DELETE FROM outbox.attempt AS a USING old
        WHERE (a.town_id, a.event_id, a.listener_id, a.recipient) = (old.town_id, old.event_id, old.listener_id, old.recipient)
    )
    SELECT count(*) INTO gone FROM deliveries;

    DELETE FROM outbox.event AS e
    WHERE (e.town_id, e.id) IN (
        SELECT x.town_id, x.id
        FROM outbox.event AS x
        WHERE x.told_at < before
            AND NOT EXISTS (SELECT FROM outbox.delivery AS d WHERE d.town_id = x.town_id AND d.event_id = x.id)
        LIMIT most
    );
    RETURN gone;
END
$$;
COMMENT ON FUNCTION outbox.purge(timestamptz, integer) IS 'Deletes deliveries that ended before then with their attempts, and events that nobody needs any more; at most so many.';
REVOKE ALL ON FUNCTION outbox.purge(timestamptz, integer) FROM public;

GRANT USAGE ON SCHEMA outbox TO koinon_app;
GRANT SELECT, INSERT ON outbox.listener TO koinon_app;
GRANT UPDATE (
    kinds, state, url, key_id, secret, old_key_id, old_secret, old_secret_until,
    failing_since, failures, disabled_at, disabled_why, at_least_minor
) ON outbox.listener TO koinon_app;
GRANT SELECT ON outbox.subscription TO koinon_app;
GRANT SELECT, INSERT ON outbox.event TO koinon_app;
GRANT SELECT, INSERT ON outbox.delivery TO koinon_app;
GRANT UPDATE (state, claimed, attempts, tries, next_at, last_status, last_error, finished_at) ON outbox.delivery TO koinon_app;
GRANT SELECT, INSERT ON outbox.attempt TO koinon_app;
GRANT EXECUTE ON FUNCTION outbox.purge(timestamptz, integer) TO koinon_app;
