-- Forget every second factor of a user, recovery codes included.
--
-- user_id  bigint
DELETE FROM mfa_authenticator WHERE user_id = %(user_id)s;
