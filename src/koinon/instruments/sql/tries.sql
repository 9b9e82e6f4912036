-- The tries of a card, by way.
--
-- town_id integer, card uuid
--
-- At most two rows (way text, counted integer, last_at timestamptz). Locks nothing.
SELECT t.way, t.counted, t.last_at
FROM instruments.tries AS t
WHERE t.town_id = %(town_id)s AND t.instrument = %(card)s;
