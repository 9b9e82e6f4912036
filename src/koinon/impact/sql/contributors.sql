-- Of how many people what coordinators verified was made, by month, activity and stream: what disclosure control looks at.
--
-- town_id    integer
-- first_day  date  included
-- last_day   date  included
--
-- One row a calendar month, activity and stream with anything in it. people are those who contributed, also where it was
-- undone, for what could not be taken back of a reward stays in the figures; gross is the quantity verified, in whole
-- steps of the measure, largest the most of it that one of them did, and second the next. No lock.
WITH of_each AS (
    SELECT
        date_trunc('month', c.day)::date AS first_day,
        a.code AS activity,
        a.measure::text AS measure,
        c.stream,
        c.party,
        coalesce(sum(c.quantity) FILTER (WHERE c.state = 'verified'), 0) AS quantity
    FROM coproduction.contribution AS c
    INNER JOIN coproduction.activity AS a ON a.town_id = c.town_id AND a.id = c.activity_id
    WHERE
        c.town_id = %(town_id)s
        AND c.state IN ('verified', 'undone')
        AND c.day BETWEEN %(first_day)s AND %(last_day)s
    GROUP BY 1, a.code, a.measure, c.stream, c.party
)

SELECT
    e.first_day,
    e.activity,
    e.measure,
    e.stream,
    count(*)::integer AS people,
    sum(e.quantity)::bigint AS gross,
    max(e.quantity)::bigint AS largest,
    coalesce((array_agg(e.quantity ORDER BY e.quantity DESC))[2], 0)::bigint AS second
FROM of_each AS e
GROUP BY e.first_day, e.activity, e.measure, e.stream
ORDER BY e.first_day, e.activity, e.stream;
