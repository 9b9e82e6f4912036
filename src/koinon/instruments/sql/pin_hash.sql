-- The hash of a card's PIN.
--
-- town_id integer, card uuid
SELECT p.hash FROM instruments.pin AS p WHERE p.town_id = %(town_id)s AND p.instrument = %(card)s;
