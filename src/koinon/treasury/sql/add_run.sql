-- Open a run, unless its key is known.
--
-- town_id, id, key, total_minor, payments, prepared_by, prepared_at
--
-- The row count is 1 when it is new, else 0. Waits for another connection that opens the same key.
INSERT INTO treasury.run (town_id, id, key, total_minor, payments, prepared_by, prepared_at)
VALUES (
    %(town_id)s, %(id)s, %(key)s, %(total_minor)s, %(payments)s, %(prepared_by)s, %(prepared_at)s
)
ON CONFLICT (town_id, key) DO NOTHING;
