-- Remember which heading is which field.
--
-- town_id integer, kind text, headings_digest bytea, columns jsonb, meanings jsonb, actor text, at timestamptz
INSERT INTO office.column_mapping (town_id, kind, headings_digest, columns, meanings, saved_by, saved_at)
VALUES (%(town_id)s, %(kind)s, %(headings_digest)s, %(columns)s, %(meanings)s, %(actor)s, %(at)s)
ON CONFLICT (town_id, kind, headings_digest)
DO UPDATE SET
    columns = excluded.columns, meanings = excluded.meanings,
    saved_by = excluded.saved_by, saved_at = excluded.saved_at;
