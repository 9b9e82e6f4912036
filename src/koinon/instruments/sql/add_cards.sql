-- Make cards.
--
-- town_id integer, ids uuid[], numbers text[], digests bytea[], sealed bytea[] side by side; key_id text, party uuid,
-- batch uuid, made_at timestamptz, made_by text
--
-- A number that another card has is left out: whoever asks draws another one.
INSERT INTO instruments.card (
    town_id, id, number, token_digest, key_id, sealed_token, party, batch, made_at, made_by
)
SELECT
    %(town_id)s, n.id, n.number, n.digest, %(key_id)s, n.sealed, %(party)s, %(batch)s, %(made_at)s, %(made_by)s
FROM unnest(%(ids)s::uuid[], %(numbers)s::text[], %(digests)s::bytea[], %(sealed)s::bytea[]) AS n (id, number, digest, sealed)
ON CONFLICT DO NOTHING;
