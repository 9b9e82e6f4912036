-- Keep a filter under its name; the same name again replaces it.
--
-- town_id integer, id uuid, user_id bigint, table_name text, name text, query text, shared boolean, at timestamptz
INSERT INTO office.saved_filter (town_id, id, user_id, table_name, name, query, shared, saved_at)
VALUES (%(town_id)s, %(id)s, %(user_id)s, %(table_name)s, %(name)s, %(query)s, %(shared)s, %(at)s)
ON CONFLICT (town_id, user_id, table_name, name)
DO UPDATE SET query = excluded.query, shared = excluded.shared, saved_at = excluded.saved_at;
