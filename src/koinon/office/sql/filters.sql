-- The filters that somebody sees above a list: the own ones, and those a colleague shares.
--
-- town_id integer, user_id bigint, table_name text
--
-- One row (id uuid, table_name text, name text, query text, shared boolean, own boolean), by name. Locks nothing.
SELECT id, table_name, name, query, shared, user_id = %(user_id)s AS own
FROM office.saved_filter
WHERE town_id = %(town_id)s AND table_name = %(table_name)s AND (user_id = %(user_id)s OR shared)
ORDER BY name, id;
