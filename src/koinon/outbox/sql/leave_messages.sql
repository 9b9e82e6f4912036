-- Leave messages of one kind for many parties; one with an id that is there already is left out.
--
-- town_id integer, kind text, at timestamptz
-- ids uuid[], parties uuid[], data text[] (JSON)  side by side
INSERT INTO outbox.message (town_id, id, party, kind, data, prefer, at)
SELECT %(town_id)s, told.id, told.party, %(kind)s, told.data::jsonb, 'mail', %(at)s
FROM unnest(%(ids)s::uuid[], %(parties)s::uuid[], %(data)s::text[]) AS told (id, party, data)
ON CONFLICT DO NOTHING;
