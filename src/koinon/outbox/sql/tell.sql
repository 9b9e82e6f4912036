-- Write events down for whoever listens to them, and wake the job that sends them.
--
-- town_id  integer
-- ids uuid[], kinds text[], subjects uuid[], ats timestamptz[], data text[] (JSON),
-- payers text[], payees text[], parties text[] (uuids), minors bigint[] (of the data, nulls where they have none)
--   side by side, one for each event
--
-- One row (deliveries bigint). Events that nobody listens to leave no row.
--
-- A worker that has nothing to do holds the advisory lock while it sleeps: only then is it
-- notified. NOTIFY makes commits queue up behind one another, which the way of money should not do for
-- a worker that is awake and looks by itself. The lock is shared until this transaction
-- ends, so that a worker cannot fall asleep between this look and the commit.
WITH told AS MATERIALIZED (
    SELECT t.id, t.kind, t.subject, t.at, t.data, t.payer, t.payee, t.party, t.minor
    FROM unnest(
        %(ids)s::uuid[], %(kinds)s::text[], %(subjects)s::uuid[], %(ats)s::timestamptz[], %(data)s::text[],
        %(payers)s::text[]::uuid[], %(payees)s::text[]::uuid[], %(parties)s::text[]::uuid[], %(minors)s::bigint[]
    ) AS t (id, kind, subject, at, data, payer, payee, party, minor)
),

-- Who listens to everything, and who listens to what concerns a party: a listener is one or the other.
heard AS MATERIALIZED (
    SELECT told.id AS event_id, s.listener_id, s.recipient
    FROM told
    INNER JOIN outbox.subscription AS s
        ON
            s.town_id = %(town_id)s AND s.kind = told.kind
            AND s.party = '00000000-0000-0000-0000-000000000000'::uuid
    WHERE s.at_least_minor = 0 OR told.minor >= s.at_least_minor
    UNION ALL
    SELECT DISTINCT told.id, s.listener_id, s.recipient
    FROM told
    CROSS JOIN LATERAL (VALUES (told.payer), (told.payee), (told.party)) AS about (party)
    INNER JOIN outbox.subscription AS s
        ON s.town_id = %(town_id)s AND s.kind = told.kind AND s.party = about.party
    WHERE s.at_least_minor = 0 OR told.minor >= s.at_least_minor
),

events AS (
    INSERT INTO outbox.event (town_id, id, kind, subject, at, data)
    SELECT %(town_id)s, told.id, told.kind, told.subject, told.at, told.data::jsonb
    FROM told
    WHERE told.id IN (SELECT heard.event_id FROM heard)
),

due AS (
    INSERT INTO outbox.delivery (town_id, event_id, listener_id, recipient)
    SELECT %(town_id)s, heard.event_id, heard.listener_id, heard.recipient
    FROM heard
    RETURNING event_id
),

counted AS MATERIALIZED (
    SELECT count(*) AS deliveries FROM due
)

SELECT
    counted.deliveries,
    CASE
        WHEN counted.deliveries > 0 AND NOT pg_catalog.pg_try_advisory_xact_lock_shared(7012018101)
            THEN pg_catalog.pg_notify('koinon_outbox', '') IS NULL
    END AS woken
FROM counted;
