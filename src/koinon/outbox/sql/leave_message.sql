-- Leave a message for a party; a second one with the same id is left out.
--
-- town_id integer, id uuid, party uuid, kind text, data jsonb, prefer text, at timestamptz
INSERT INTO outbox.message (town_id, id, party, kind, data, prefer, at)
VALUES (%(town_id)s, %(id)s, %(party)s, %(kind)s, %(data)s, %(prefer)s, %(at)s)
ON CONFLICT DO NOTHING;
