-- Have a row for a place, so that there is one to lock.
--
-- town_id integer, place text, at timestamptz
INSERT INTO instruments.place (town_id, place, began_at) VALUES (%(town_id)s, %(place)s, %(at)s) ON CONFLICT DO NOTHING;
