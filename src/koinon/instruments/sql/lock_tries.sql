-- Lock the tries of a card until the transaction ends: those who try at once are counted one after another.
--
-- town_id integer, card uuid, way text
--
-- One row (counted integer, last_at timestamptz).
SELECT t.counted, t.last_at
FROM instruments.tries AS t
WHERE t.town_id = %(town_id)s AND t.instrument = %(card)s AND t.way = %(way)s
FOR UPDATE;
