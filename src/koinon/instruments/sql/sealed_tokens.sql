-- What is to be printed on cards that were made and not handed over.
--
-- town_id integer, cards uuid[]
--
-- One row (id uuid, key_id text, sealed_token bytea) for each such card.
SELECT c.id, c.key_id, c.sealed_token
FROM instruments.card AS c
WHERE c.town_id = %(town_id)s AND c.id = ANY(%(cards)s) AND c.sealed_token IS NOT NULL;
