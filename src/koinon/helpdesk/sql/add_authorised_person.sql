-- Make a party for somebody who is let pay; nothing where this id is there already.
--
-- town_id integer, id uuid, at timestamptz
INSERT INTO parties_party (id, town_id, kind, created_at)
VALUES (%(id)s, %(town_id)s, 'authorised', %(at)s)
ON CONFLICT (id) DO NOTHING;
