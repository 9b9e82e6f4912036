-- Keep the hash of a card's PIN in place of the one before.
--
-- town_id integer, card uuid, hash text, at timestamptz, actor text
INSERT INTO instruments.pin (town_id, instrument, hash, set_at, set_by)
VALUES (%(town_id)s, %(card)s, %(hash)s, %(at)s, %(actor)s)
ON CONFLICT (town_id, instrument) DO UPDATE
SET hash = excluded.hash, set_at = excluded.set_at, set_by = excluded.set_by;
