-- The webhook endpoints of a town, oldest first; removed ones are not shown.
--
-- town_id   integer
-- party     uuid or null   only those of this party
-- endpoint  uuid or null   only this one
--
-- Locks nothing.
SELECT
    l.id, l.town_id, l.url, l.kinds, l.party, l.state, l.created_at, l.created_by, l.failing_since, l.failures,
    l.disabled_at, l.disabled_why, l.old_secret_until AS two_secrets_until
FROM outbox.listener AS l
WHERE
    l.town_id = %(town_id)s AND l.channel = 'webhook' AND l.state <> 'removed'
    AND (%(party)s::uuid IS NULL OR l.party = %(party)s::uuid)
    AND (%(endpoint)s::uuid IS NULL OR l.id = %(endpoint)s::uuid)
ORDER BY l.id;
