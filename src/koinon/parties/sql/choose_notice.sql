-- Keep by which way a party wants to be told of something; a choice that is there already is left alone.
--
-- party_id uuid, topic text, way text, at timestamptz
INSERT INTO parties_noticechoice (party_id, topic, way, chosen_at)
VALUES (%(party_id)s, %(topic)s, %(way)s, %(at)s)
ON CONFLICT (party_id, topic) DO UPDATE SET way = excluded.way, chosen_at = excluded.chosen_at
WHERE parties_noticechoice.way <> excluded.way;
