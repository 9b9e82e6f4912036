-- What was verified in a period, by activity and stream. Locks nothing.
--
-- town_id integer, first_day date, last_day date, party uuid or null (of this one and their household's own name)
SELECT
    activity.id AS activity_id, activity.name AS activity_name, activity.measure, c.stream,
    count(DISTINCT c.party)::integer AS contributors, count(*)::integer AS times, sum(c.quantity)::bigint AS quantity,
    sum(c.reward_minor)::bigint AS reward_minor
FROM coproduction.contribution AS c
INNER JOIN coproduction.activity AS activity ON activity.town_id = c.town_id AND activity.id = c.activity_id
WHERE
    c.town_id = %(town_id)s AND c.state = 'verified' AND c.day BETWEEN %(first_day)s AND %(last_day)s
    AND (%(party)s::uuid IS NULL OR c.party = %(party)s OR c.payee = %(party)s)
GROUP BY activity.id, activity.name, activity.measure, c.stream
ORDER BY activity.name, activity.id, c.stream;
