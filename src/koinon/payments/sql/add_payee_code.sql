-- Keep the code of a payee.
--
-- town_id integer, id uuid, payee uuid, token text, number text, at timestamptz, actor text
--
-- No row where the payee has one, or another code the number.
INSERT INTO payments.payee_code (town_id, id, payee, token, number, made_at, made_by)
VALUES (%(town_id)s, %(id)s, %(payee)s, %(token)s, %(number)s, %(at)s, %(actor)s)
ON CONFLICT DO NOTHING;
