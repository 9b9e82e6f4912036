-- What a party was told, the newest first.
--
-- town_id integer, party uuid, most integer
--
-- Locks nothing.
SELECT m.id, m.kind, m.at, m.state, m.channel, m.last_error, m.finished_at
FROM outbox.message AS m
WHERE m.town_id = %(town_id)s AND m.party = %(party)s
ORDER BY m.id DESC
LIMIT %(most)s;
