-- Keep what was written on a complaint, sealed.
--
-- town_id integer, id uuid, complaint uuid, kind text, key_party uuid, sealed bytea, at timestamptz, actor text
INSERT INTO casework.note (town_id, id, complaint, kind, key_party, sealed, at, written_by)
VALUES (%(town_id)s, %(id)s, %(complaint)s, %(kind)s, %(key_party)s, %(sealed)s, %(at)s, %(actor)s)
ON CONFLICT DO NOTHING;
