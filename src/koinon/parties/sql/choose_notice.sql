-- Keep by which way a party wants to be told of something; an empty way takes the choice back.
--
-- party_id uuid, topic text, way text, at timestamptz
WITH gone AS (
    DELETE FROM parties_noticechoice WHERE party_id = %(party_id)s AND topic = %(topic)s AND %(way)s = ''
)
INSERT INTO parties_noticechoice (party_id, topic, way, chosen_at)
SELECT %(party_id)s, %(topic)s, %(way)s, %(at)s
WHERE %(way)s <> ''
ON CONFLICT (party_id, topic) DO UPDATE SET way = excluded.way, chosen_at = excluded.chosen_at;
