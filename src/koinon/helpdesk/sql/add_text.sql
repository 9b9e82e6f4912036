-- Keep that a text message came; nothing where it came before.
--
-- town_id integer, id uuid, party uuid, wish text, at timestamptz, answered boolean
INSERT INTO helpdesk.text (town_id, id, party, wish, at, answered)
VALUES (%(town_id)s, %(id)s, %(party)s, %(wish)s, %(at)s, %(answered)s)
ON CONFLICT (town_id, id) DO NOTHING;
