-- What is remembered of a list with these headings.
--
-- town_id integer, kind text, headings_digest bytea
--
-- At most one row (columns text, meanings text), JSON as text. Locks nothing.
SELECT columns::text AS columns, meanings::text AS meanings
FROM office.column_mapping
WHERE town_id = %(town_id)s AND kind = %(kind)s AND headings_digest = %(headings_digest)s;
