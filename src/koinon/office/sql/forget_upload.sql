-- Forget a file: it was taken in, or is not wanted.
--
-- town_id integer, id uuid, user_id bigint
DELETE FROM office.upload
WHERE town_id = %(town_id)s AND id = %(id)s AND user_id = %(user_id)s;
