-- Forget a filter of one's own.
--
-- town_id integer, id uuid, user_id bigint
DELETE FROM office.saved_filter
WHERE town_id = %(town_id)s AND id = %(id)s AND user_id = %(user_id)s;
