-- Which of these kinds are listened to in a town, and by which parties?
--
-- town_id  integer
-- kinds    text[]
--
-- One row (kind text, parties text[]) for each kind that somebody hears of, and none in a town
-- where nobody listens. The uuid of zeros stands for every party; it is all that is said
-- where more than a thousand parties listen. Locks nothing.
SELECT k.kind, CASE WHEN cardinality(s.parties) > 1000 THEN ARRAY['00000000-0000-0000-0000-000000000000'] ELSE s.parties END AS parties
FROM unnest(%(kinds)s::text[]) AS k (kind)
CROSS JOIN LATERAL (
    SELECT array_agg(few.party::text) AS parties
    FROM (
        SELECT DISTINCT heard.party
        FROM outbox.subscription AS heard
        WHERE heard.town_id = %(town_id)s AND heard.kind = k.kind
        LIMIT 1001
    ) AS few
) AS s
WHERE s.parties IS NOT NULL;
