-- Keep the code of a card under another key.
--
-- town_id integer, card uuid, key_id text, sealed_token bytea
UPDATE instruments.card AS c SET key_id = %(key_id)s, sealed_token = %(sealed_token)s
WHERE c.town_id = %(town_id)s AND c.id = %(card)s;
