-- Contributions of a town, newest first, a page at a time. Locks nothing.
--
-- town_id integer; each of the others may be null:
-- contribution_id uuid, activity_id uuid, occasion_id uuid, payee uuid (with what a person did elsewhere), states text[],
-- once text, before uuid (the last one shown before), size integer
SELECT
    c.id, c.activity_id, activity.code AS activity_code, activity.name AS activity_name, activity.measure, c.occasion_id,
    c.party, c.payee, c.stream, c.quantity, c.day, c.state, c.needs_second, c.replaces, c.registered_by, c.registered_at,
    c.confirmed_by, c.confirmed_at, c.verified_by, c.verified_at, c.rewarded_quantity, c.reward_minor, c.reward_minutes,
    c.grounds::text AS grounds_json, c.ended_by, c.ended_at, c.taken_back, c.reason
FROM coproduction.contribution AS c
INNER JOIN coproduction.activity AS activity ON activity.town_id = c.town_id AND activity.id = c.activity_id
LEFT JOIN coproduction.contribution AS shown ON shown.town_id = c.town_id AND shown.id = %(before)s::uuid
WHERE
    c.town_id = %(town_id)s
    AND (%(contribution_id)s::uuid IS NULL OR c.id = %(contribution_id)s)
    AND (%(activity_id)s::uuid IS NULL OR c.activity_id = %(activity_id)s)
    AND (%(occasion_id)s::uuid IS NULL OR c.occasion_id = %(occasion_id)s)
    AND (%(payee)s::uuid IS NULL OR c.payee = %(payee)s OR c.party = %(payee)s)
    AND (%(states)s::text[] IS NULL OR c.state = ANY(%(states)s))
    AND (%(once)s::text IS NULL OR (c.once = %(once)s AND c.state NOT IN ('rejected', 'undone')))
    AND (shown.id IS NULL OR (c.registered_at, c.id) < (shown.registered_at, shown.id))
ORDER BY c.registered_at DESC, c.id DESC
LIMIT %(size)s;
