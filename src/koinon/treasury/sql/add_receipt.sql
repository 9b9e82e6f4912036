-- Book euros that came in or went back, unless the key or the bank's reference is known.
--
-- town_id, id, direction, fund, amount_minor, bank_reference, key, transfer_id, effective_at, actor
--
-- The row count is 1 when it is new, else 0. Waits for another connection that
-- books the same key or reference, until that one commits or gives up.
INSERT INTO treasury.receipt (
    town_id, id, direction, fund, amount_minor, bank_reference, key, transfer_id, effective_at, actor
)
VALUES (
    %(town_id)s, %(id)s, %(direction)s, %(fund)s, %(amount_minor)s, %(bank_reference)s, %(key)s,
    %(transfer_id)s, %(effective_at)s, %(actor)s
)
ON CONFLICT DO NOTHING;
