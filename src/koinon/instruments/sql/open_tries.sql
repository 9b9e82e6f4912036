-- Have a row for the tries of a card, so that there is one to lock.
--
-- town_id integer, card uuid, way text, at timestamptz
INSERT INTO instruments.tries (town_id, instrument, way, last_at) VALUES (%(town_id)s, %(card)s, %(way)s, %(at)s)
ON CONFLICT DO NOTHING;
