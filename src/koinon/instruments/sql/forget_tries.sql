-- Begin a card's tries anew.
--
-- town_id integer, card uuid
DELETE FROM instruments.tries AS t WHERE t.town_id = %(town_id)s AND t.instrument = %(card)s;
