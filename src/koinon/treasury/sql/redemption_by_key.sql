-- The redemption that carries a key.
--
-- town_id  integer
-- key      text
--
-- At most one row. No lock.
SELECT
    r.id, r.party, r.amount_minor, r.transfer_id, r.requested_at, r.fee_minor, r.fee_transfer_id, r.payable_from
FROM treasury.redemption AS r
WHERE r.town_id = %(town_id)s AND r.key = %(key)s;
