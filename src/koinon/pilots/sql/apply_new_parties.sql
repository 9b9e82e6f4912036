-- Record parties: opaque ids and nothing else.
--
-- town_id integer, kind text, ids uuid[], at timestamptz
INSERT INTO parties_party (id, town_id, kind, created_at)
SELECT wanted.id, %(town_id)s, %(kind)s, %(at)s
FROM unnest(%(ids)s::uuid[]) AS wanted (id);
