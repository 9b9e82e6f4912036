-- Invariant: what money is asked to tell is what active listeners asked for, and nothing else.
-- Returns the subscriptions that break it; an empty answer is a pass.
SELECT
    coalesce(s.town_id, l.town_id) AS town_id, coalesce(s.listener_id, l.id) AS listener_id, coalesce(s.kind, l.kind) AS kind,
    s.kind IS NULL AS subscription_missing
FROM outbox.subscription AS s
FULL JOIN (
    SELECT
        x.town_id, x.id, k.kind, x.at_least_minor,
        coalesce(x.party, '00000000-0000-0000-0000-000000000000'::uuid) AS party
    FROM outbox.listener AS x
    CROSS JOIN LATERAL unnest(x.kinds) AS k (kind)
    WHERE x.state = 'active'
) AS l
    ON l.town_id = s.town_id AND l.id = s.listener_id AND l.kind = s.kind AND l.party = s.party
    AND l.at_least_minor = s.at_least_minor
WHERE s.kind IS NULL OR l.kind IS NULL;
