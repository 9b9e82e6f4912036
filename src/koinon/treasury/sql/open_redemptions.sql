-- Requests that are neither undone nor part of a payment: what the town owes and no run has taken.
--
-- town_id  integer
-- before   timestamptz or NULL: only those requested before
-- only     uuid[] or NULL: only these
-- payable  date or NULL: only those that a run may take on this local day; nobody can be paid whose data were erased
--
-- Oldest first. No lock; whoever acts on it locks them (lock_redemptions.sql) and asks again.
SELECT
    r.id, r.party, r.amount_minor, r.transfer_id, r.requested_at, r.fee_minor, r.fee_transfer_id, r.payable_from
FROM treasury.redemption AS r
WHERE
    r.town_id = %(town_id)s
    AND r.undone_at IS NULL
    AND (%(before)s::timestamptz IS NULL OR r.requested_at < %(before)s)
    AND (%(only)s::uuid [] IS NULL OR r.id = ANY(%(only)s))
    AND (%(payable)s::date IS NULL OR r.payable_from IS NULL OR r.payable_from <= %(payable)s)
    AND (%(payable)s::date IS NULL OR NOT EXISTS (
        SELECT 1 FROM parties_party AS p WHERE p.id = r.party AND p.erased_at IS NOT NULL
    ))
    AND NOT EXISTS (
        SELECT 1 FROM treasury.payment_redemption AS m
        WHERE m.town_id = r.town_id AND m.redemption_id = r.id AND m.released_at IS NULL
    )
ORDER BY r.requested_at, r.id;
