-- What a town covered of a sale comes back to its fund when the shop gives the sale back.
SET LOCAL lock_timeout = '5s';

ALTER TABLE offline.voucher ADD COLUMN returned_minor bigint NOT NULL DEFAULT 0
CONSTRAINT no_more_comes_back_than_was_covered CHECK (returned_minor BETWEEN 0 AND covered_minor);
COMMENT ON COLUMN offline.voucher.returned_minor IS 'Of covered_minor, what came back to fund_id because the shop gave the sale back, in the share in which it did.';

CREATE INDEX voucher_covered_of_a_payment ON offline.voucher (town_id) WHERE covered_minor > returned_minor AND payment_id IS NOT NULL;
COMMENT ON INDEX offline.voucher_covered_of_a_payment IS 'Serves offline/sql/lock_returned.sql.';
GRANT UPDATE (returned_minor) ON offline.voucher TO koinon_app;
