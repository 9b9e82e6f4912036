-- Redemption on a schedule, for a fee, after a time in which a shop can think again.
SET LOCAL lock_timeout = '5s';

ALTER TABLE treasury.terms
ADD COLUMN fee_minor bigint NOT NULL DEFAULT 0,
ADD COLUMN fee_bps integer NOT NULL DEFAULT 0,
ADD COLUMN cooling_days integer NOT NULL DEFAULT 0,
ADD COLUMN schedule text NOT NULL DEFAULT '',
ADD CONSTRAINT fee_is_a_fee CHECK (fee_minor >= 0 AND fee_bps BETWEEN 0 AND 2000),
ADD CONSTRAINT cooling_is_short CHECK (cooling_days BETWEEN 0 AND 60),
ADD CONSTRAINT schedule_is_known CHECK (
    schedule ~ '^(|weekly:[1-7](,[1-7])*|monthly:([1-9]|1[0-9]|2[0-8])(,([1-9]|1[0-9]|2[0-8]))*)$'
);
COMMENT ON COLUMN treasury.terms.fee_minor IS 'Kept by the town from each request, in minor units; goes to the town''s own till.';
COMMENT ON COLUMN treasury.terms.fee_bps IS 'And this share of the amount asked, in hundredths of a per cent, rounded down.';
COMMENT ON COLUMN treasury.terms.cooling_days IS 'Days for which a request waits before a run may take it; until then its shop can take it back.';
COMMENT ON COLUMN treasury.terms.schedule IS 'The days on which runs are made: empty for any day, weekly:5 for Fridays, monthly:1,15 for days of the month.';

ALTER TABLE treasury.redemption
ADD COLUMN fee_minor bigint NOT NULL DEFAULT 0,
ADD COLUMN fee_transfer_id uuid,
ADD COLUMN fee_undo_transfer_id uuid,
ADD COLUMN payable_from date,
ADD CONSTRAINT fee_has_its_transfer CHECK (fee_minor >= 0 AND ((fee_minor > 0) = (fee_transfer_id IS NOT NULL))),
ADD CONSTRAINT fee_goes_back_once CHECK (
    fee_undo_transfer_id IS NULL OR (fee_transfer_id IS NOT NULL AND undone_at IS NOT NULL)
);
COMMENT ON COLUMN treasury.redemption.amount_minor IS 'What is paid out: the amount asked less the fee.';
COMMENT ON COLUMN treasury.redemption.fee_transfer_id IS 'The ledger transfer (code fee) to the town''s own till.';
COMMENT ON COLUMN treasury.redemption.fee_undo_transfer_id IS 'Its reversal, where the shop took the request back; the fee of a payment that came back stays.';
COMMENT ON COLUMN treasury.redemption.payable_from IS 'Local day from which a run may take it; NULL at once.';

GRANT UPDATE (fee_minor, fee_bps, cooling_days, schedule) ON treasury.terms TO koinon_app;
GRANT UPDATE (fee_undo_transfer_id) ON treasury.redemption TO koinon_app;
