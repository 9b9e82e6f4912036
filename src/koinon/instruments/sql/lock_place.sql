-- Lock the counter of a place until the transaction ends. Always before that of a card.
--
-- town_id integer, place text
--
-- One row (began_at timestamptz, wrong integer).
SELECT p.began_at, p.wrong
FROM instruments.place AS p
WHERE p.town_id = %(town_id)s AND p.place = %(place)s
FOR UPDATE;
