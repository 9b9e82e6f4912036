-- Keep a top-up that somebody asks for, unless its key or its reference is taken.
--
-- town_id, id, party, amount_minor, way, reference, key, requested_at, requested_by
--
-- The row count is 1 when it is new, else 0. Waits for another connection that uses the same key.
INSERT INTO treasury.topup (town_id, id, party, amount_minor, way, reference, key, requested_at, requested_by)
VALUES (
    %(town_id)s, %(id)s, %(party)s, %(amount_minor)s, %(way)s, %(reference)s, %(key)s, %(requested_at)s, %(requested_by)s
)
ON CONFLICT DO NOTHING;
