-- Forget the purchases without a PIN of a card whose day is long over: nothing counts them any more.
--
-- town_id integer, card uuid, before date
DELETE FROM instruments.small_purchase AS p
WHERE p.town_id = %(town_id)s AND p.instrument = %(card)s AND p.day < %(before)s;
