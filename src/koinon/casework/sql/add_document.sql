-- Keep a document, sealed.
--
-- town_id integer, id uuid, complaint uuid, key_party uuid, media_type text, size_bytes integer, sealed_name bytea,
-- sealed bytea, at timestamptz, actor text
INSERT INTO casework.document (
    town_id, id, complaint, key_party, media_type, size_bytes, sealed_name, sealed, added_at, added_by
) VALUES (
    %(town_id)s, %(id)s, %(complaint)s, %(key_party)s, %(media_type)s, %(size_bytes)s, %(sealed_name)s, %(sealed)s,
    %(at)s, %(actor)s
)
ON CONFLICT DO NOTHING;
