-- Keep an endpoint's secrets under another key.
--
-- town_id integer, id uuid, key_id text, secret bytea, old_key_id text, old_secret bytea or null
UPDATE outbox.listener
SET
    key_id = %(key_id)s, secret = %(secret)s, old_key_id = %(old_key_id)s, old_secret = %(old_secret)s,
    old_secret_until = CASE WHEN %(old_secret)s::bytea IS NOT NULL THEN old_secret_until END
WHERE town_id = %(town_id)s AND id = %(id)s;
