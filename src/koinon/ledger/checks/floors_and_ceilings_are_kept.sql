-- Invariant: no account is below its floor or above its ceiling, no side is negative, none is closed with money on it.
-- Returns the accounts that break it; an empty answer is a pass.
SELECT town_id, id AS account_id, credits_posted - debits_posted - debits_held AS available_minor, floor_minor,
       credits_posted - debits_posted + credits_held AS highest_minor, ceiling_minor
FROM ledger.account
WHERE credits_posted - debits_posted - debits_held < floor_minor
   OR credits_posted - debits_posted + credits_held > ceiling_minor
   OR least(debits_posted, credits_posted, debits_held, credits_held) < 0
   OR (closed_at IS NULL) <> (closed_by IS NULL)
   OR (closed_at IS NOT NULL AND (credits_posted <> debits_posted OR debits_held > 0 OR credits_held > 0))
   OR (floor_minor IS NULL AND kind <> 'issuance');
