-- The run that carries a key.
--
-- town_id  integer
-- key      text
SELECT u.id FROM treasury.run AS u WHERE u.town_id = %(town_id)s AND u.key = %(key)s;
