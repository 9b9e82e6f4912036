-- Forget the PIN of a card that will never work again.
--
-- town_id integer, card uuid
DELETE FROM instruments.pin AS p WHERE p.town_id = %(town_id)s AND p.instrument = %(card)s;
