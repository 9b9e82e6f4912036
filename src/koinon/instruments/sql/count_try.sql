-- Set the tries of a card.
--
-- town_id integer, card uuid, way text, counted integer, at timestamptz
UPDATE instruments.tries AS t SET counted = %(counted)s, last_at = %(at)s
WHERE t.town_id = %(town_id)s AND t.instrument = %(card)s AND t.way = %(way)s;
