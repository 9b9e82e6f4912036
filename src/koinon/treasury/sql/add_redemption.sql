-- Book a business's request to be paid out, unless its key is known.
--
-- town_id, id, party, amount_minor, key, transfer_id, requested_at, actor, fee_minor, fee_transfer_id, payable_from
--
-- The row count is 1 when it is new, else 0. Waits for another connection that books the same key.
INSERT INTO treasury.redemption (
    town_id, id, party, amount_minor, key, transfer_id, requested_at, actor, fee_minor, fee_transfer_id, payable_from
)
VALUES (
    %(town_id)s, %(id)s, %(party)s, %(amount_minor)s, %(key)s, %(transfer_id)s, %(requested_at)s, %(actor)s,
    %(fee_minor)s, %(fee_transfer_id)s, %(payable_from)s
)
ON CONFLICT (town_id, key) DO NOTHING;
