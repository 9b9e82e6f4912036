-- Prepare a payment out of the town's till; no row where its key was used before.
--
-- town_id, id, key, payee, amount_minor, purpose, reference, actor, at
INSERT INTO accounting.town_payment (town_id, id, key, payee, amount_minor, purpose, reference, prepared_by, prepared_at)
VALUES (
    %(town_id)s, %(id)s, %(key)s, %(payee)s, %(amount_minor)s, %(purpose)s, %(reference)s, %(actor)s, %(at)s
)
ON CONFLICT DO NOTHING;
