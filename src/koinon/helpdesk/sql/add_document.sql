-- Keep a document, sealed; nothing where this id is there already.
--
-- town_id integer, id uuid, party uuid, about text, media_type text, size_bytes integer, sealed_name bytea,
-- sealed bytea, at timestamptz, actor text
INSERT INTO helpdesk.document (
    town_id, id, party, about, media_type, size_bytes, sealed_name, sealed, added_at, added_by
) VALUES (
    %(town_id)s, %(id)s, %(party)s, %(about)s, %(media_type)s, %(size_bytes)s, %(sealed_name)s, %(sealed)s, %(at)s,
    %(actor)s
)
ON CONFLICT (town_id, id) DO NOTHING;
