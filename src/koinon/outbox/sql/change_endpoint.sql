-- Send an endpoint's messages to another address, or tell it of other kinds.
--
-- town_id integer, id uuid, url text, kinds text[]
UPDATE outbox.listener
SET url = %(url)s, kinds = %(kinds)s
WHERE town_id = %(town_id)s AND id = %(id)s;
