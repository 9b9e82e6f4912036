-- Invariant: no account is below its floor or above its ceiling.
-- Returns the accounts that break it; an empty answer is a pass.
SELECT town_id, id AS account_id, credits_posted - debits_posted - debits_held AS available_minor, floor_minor,
       credits_posted - debits_posted + credits_held AS highest_minor, ceiling_minor
FROM ledger.account
WHERE credits_posted - debits_posted - debits_held < floor_minor
   OR credits_posted - debits_posted + credits_held > ceiling_minor;
