-- Write down a bank account of the town, unless its code or number is known.
--
-- town_id, id, code, number_digest, number_end, currency, opened_at, opened_by
--
-- The row count is 1 when it is new, else 0.
INSERT INTO banking.account (town_id, id, code, number_digest, number_end, currency, opened_at, opened_by)
VALUES (
    %(town_id)s, %(id)s, %(code)s, %(number_digest)s, %(number_end)s, %(currency)s, %(opened_at)s, %(opened_by)s
)
ON CONFLICT DO NOTHING;
