-- Give an endpoint a new secret; the one before is good until then.
--
-- town_id integer, id uuid, key_id text, secret bytea, until timestamptz
UPDATE outbox.listener
SET
    old_key_id = key_id, old_secret = secret, old_secret_until = %(until)s,
    key_id = %(key_id)s, secret = %(secret)s
WHERE town_id = %(town_id)s AND id = %(id)s;
