-- The occasions of a town, of one activity or of one id, newest first. Locks nothing.
--
-- town_id integer, activity_id uuid or null, occasion_id uuid or null, size integer
SELECT
    occasion.id, occasion.activity_id, activity.name AS activity_name, occasion.place, occasion.opens_at,
    occasion.closes_at, occasion.opened_by, occasion.closed_at,
    (
        SELECT count(*) FROM coproduction.contribution AS c
        WHERE c.town_id = occasion.town_id AND c.activity_id = occasion.activity_id AND c.occasion_id = occasion.id
    )::integer AS contributions
FROM coproduction.occasion AS occasion
INNER JOIN coproduction.activity AS activity
    ON activity.town_id = occasion.town_id AND activity.id = occasion.activity_id
WHERE
    occasion.town_id = %(town_id)s
    AND (%(activity_id)s::uuid IS NULL OR occasion.activity_id = %(activity_id)s)
    AND (%(occasion_id)s::uuid IS NULL OR occasion.id = %(occasion_id)s)
ORDER BY occasion.closes_at DESC, occasion.id
LIMIT %(size)s;
