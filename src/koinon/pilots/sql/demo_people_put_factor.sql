-- Give a user of the demonstration the second factor whose codes are shown to whoever is asked for them.
--
-- user_id  integer
-- secret   text         sealed
-- at       timestamptz
--
-- One that is there is replaced, so that a note one made of it stays good. Locks its row.
INSERT INTO mfa_authenticator (user_id, type, data, created_at)
VALUES (%(user_id)s, 'totp', jsonb_build_object('secret', %(secret)s::text, 'shown', TRUE), %(at)s)
ON CONFLICT (user_id, type) WHERE type IN ('totp', 'recovery_codes')
DO UPDATE SET data = excluded.data;
