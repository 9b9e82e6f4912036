-- Write a listener down; a trigger writes what it hears of.
--
-- town_id integer, id uuid, channel text, kinds text[], party uuid or null, at timestamptz, actor text,
-- url text, key_id text, secret bytea or null (webhooks), role text, at_least_minor bigint (mails)
INSERT INTO outbox.listener (
    town_id, id, channel, kinds, party, created_at, created_by, url, key_id, secret, role, at_least_minor
)
VALUES (
    %(town_id)s, %(id)s, %(channel)s, %(kinds)s, %(party)s, %(at)s, %(actor)s, %(url)s, %(key_id)s, %(secret)s,
    %(role)s, %(at_least_minor)s
);
