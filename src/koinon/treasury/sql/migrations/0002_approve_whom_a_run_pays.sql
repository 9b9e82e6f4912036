-- A second person's yes covers the payees' accounts: what is kept of them tells whether they changed since.
SET LOCAL lock_timeout = '5s';

ALTER TABLE treasury.payment ADD COLUMN payee_digest bytea;
COMMENT ON COLUMN treasury.payment.payee_digest IS 'HMAC-SHA256, under a key outside the database, of the name, account and amount that were approved; NULL while the run is not approved.';
GRANT UPDATE (payee_digest) ON treasury.payment TO koinon_app;
