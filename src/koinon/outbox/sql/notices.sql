-- Who is told by e-mail in a town, oldest first; removed notices are not shown.
--
-- town_id  integer
-- party    uuid or null   only those of this party
-- notice   uuid or null   only this one
--
-- Locks nothing.
SELECT l.id, l.town_id, l.kinds, l.party, l.role, l.at_least_minor, l.state, l.created_at, l.created_by
FROM outbox.listener AS l
WHERE
    l.town_id = %(town_id)s AND l.channel = 'mail' AND l.state <> 'removed'
    AND (%(party)s::uuid IS NULL OR l.party = %(party)s::uuid)
    AND (%(notice)s::uuid IS NULL OR l.id = %(notice)s::uuid)
ORDER BY l.id;
