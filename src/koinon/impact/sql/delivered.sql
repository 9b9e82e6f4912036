-- What coordinators verified, and what it earned, by activity, stream and day.
--
-- town_id    integer
-- first_day  date  included
-- last_day   date  included
--
-- quantity in whole steps of the measure. Of what was undone nothing was delivered, and what could not be taken back
-- of its reward remains a cost. Hours that a time bank credited cost nothing. No lock.
SELECT
    a.code AS activity,
    a.name,
    a.measure::text AS measure,
    c.stream,
    c.day,
    coalesce(sum(c.quantity) FILTER (WHERE c.state = 'verified'), 0)::bigint AS quantity,
    sum(CASE WHEN c.reward_minor = 0 THEN 0 ELSE c.reward_minor - coalesce(c.taken_back, 0) END)::bigint AS reward_minor,
    (count(*) FILTER (WHERE c.state = 'verified'))::integer AS contributions
FROM coproduction.contribution AS c
INNER JOIN coproduction.activity AS a ON a.town_id = c.town_id AND a.id = c.activity_id
WHERE
    c.town_id = %(town_id)s
    AND c.state IN ('verified', 'undone')
    AND c.day BETWEEN %(first_day)s AND %(last_day)s
GROUP BY a.code, a.name, a.measure, c.stream, c.day
ORDER BY a.code, c.stream, c.day;
