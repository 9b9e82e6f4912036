-- Make a phone of an account; it works at once.
--
-- town_id integer, id uuid, number text, digest bytea, party uuid, account integer, at timestamptz, actor text
--
-- No row where the account has one that works or may work again, or another card has the number.
INSERT INTO instruments.card (
    town_id, id, number, token_digest, party, batch, made_at, made_by, handed_at, handed_by, state, kind, account
)
VALUES (
    %(town_id)s, %(id)s, %(number)s, %(digest)s, %(party)s, %(id)s, %(at)s, %(actor)s, %(at)s, %(actor)s, 'active', 'phone',
    %(account)s
)
ON CONFLICT DO NOTHING;
