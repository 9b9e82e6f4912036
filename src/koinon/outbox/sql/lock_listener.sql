-- Take a listener that was not removed, until the transaction ends.
--
-- town_id integer, id uuid, channel text, party uuid or null (only if it is this party's)
--
-- One row, or none; locked so that two who change it take turns.
SELECT l.id, l.state, l.url, l.kinds, l.key_id, l.secret
FROM outbox.listener AS l
WHERE
    l.town_id = %(town_id)s AND l.id = %(id)s AND l.channel = %(channel)s AND l.state <> 'removed'
    AND (%(party)s::uuid IS NULL OR l.party = %(party)s::uuid)
FOR NO KEY UPDATE;
