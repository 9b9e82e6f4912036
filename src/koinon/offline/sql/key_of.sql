-- Which till has this key.
--
-- town_id integer, public_key bytea
SELECT d.id FROM offline.device AS d WHERE d.town_id = %(town_id)s AND d.public_key = %(public_key)s;
