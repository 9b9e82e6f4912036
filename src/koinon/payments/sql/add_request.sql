-- Keep a request.
--
-- town_id integer, id uuid, payee uuid, amount_minor bigint, unit text, reference text, category text, number text (or
-- null), at timestamptz, actor text, expires_at timestamptz, key_id text, signature bytea
--
-- No row where another request has the number: whoever asks draws another one.
INSERT INTO payments.request (
    town_id, id, payee, amount_minor, unit, reference, category, number, made_at, made_by, expires_at, key_id, signature
)
VALUES (
    %(town_id)s, %(id)s, %(payee)s, %(amount_minor)s, %(unit)s, %(reference)s, %(category)s, %(number)s, %(at)s, %(actor)s,
    %(expires_at)s, %(key_id)s, %(signature)s
)
ON CONFLICT DO NOTHING;
