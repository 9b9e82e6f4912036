-- Of how many people what coordinators verified was made: what disclosure control looks at.
--
-- town_id    integer
-- first_day  date  included
-- last_day   date  included
--
-- Two kinds of rows, for each calendar month, activity and stream with anything in it, and apart before and after the
-- day from which a rate or a conversion factor changed, for sums with two known factors tell the parts.
--   done   people are those who contributed, also where it was undone, for what could not be taken back of a reward stays
--          in the figures; the size is the quantity verified, in whole steps of the measure.
--   short  people are those who were not paid what the rate says of their quantity: above a cap, when the budget was over,
--          or paid for what was undone since; the size is the difference, in minor units. Quantities times the public rate,
--          less what was paid, is that.
-- gross is the size of all together, largest the most of it that one of them made, and second the next. No lock.
WITH contributed AS (
    SELECT
        date_trunc('month', c.day)::date AS first_day,
        a.code AS activity,
        a.measure::text AS measure,
        c.stream,
        c.party,
        r.from_day AS rated,
        f.from_day AS factored,
        CASE WHEN c.state = 'verified' THEN c.quantity ELSE 0 END AS quantity,
        CASE
            WHEN c.reward_minutes > 0 THEN 0
            WHEN c.state = 'verified' THEN c.quantity * coalesce(r.pays_minor, 0) / coalesce(r.per_quantity, 1) - c.reward_minor
            WHEN c.reward_minor > 0 THEN c.reward_minor - coalesce(c.taken_back, 0)
            ELSE 0
        END AS short
    FROM coproduction.contribution AS c
    INNER JOIN coproduction.activity AS a ON a.town_id = c.town_id AND a.id = c.activity_id
    LEFT JOIN LATERAL (
        SELECT x.from_day, x.pays_minor, x.per_quantity
        FROM coproduction.rate AS x
        WHERE x.town_id = c.town_id AND x.activity_id = c.activity_id AND x.stream = c.stream AND x.from_day <= c.day
        ORDER BY x.from_day DESC
        LIMIT 1
    ) AS r ON true
    LEFT JOIN LATERAL (
        SELECT x.from_day
        FROM impact.conversion_factor AS x
        WHERE x.town_id = c.town_id AND x.stream = c.stream AND x.from_day <= c.day
        ORDER BY x.from_day DESC
        LIMIT 1
    ) AS f ON true
    WHERE
        c.town_id = %(town_id)s
        AND c.state IN ('verified', 'undone')
        AND c.day BETWEEN %(first_day)s AND %(last_day)s
),

of_each AS (
    SELECT
        'done' AS kind, c.first_day, c.activity, c.measure, c.stream, c.rated, c.factored, c.party,
        sum(c.quantity) AS size
    FROM contributed AS c
    GROUP BY c.first_day, c.activity, c.measure, c.stream, c.rated, c.factored, c.party
    UNION ALL
    SELECT
        'short' AS kind, c.first_day, c.activity, c.measure, c.stream, c.rated, c.factored, c.party,
        abs(sum(c.short)) AS size
    FROM contributed AS c
    WHERE c.short <> 0
    GROUP BY c.first_day, c.activity, c.measure, c.stream, c.rated, c.factored, c.party
)

SELECT
    e.first_day,
    e.activity,
    e.measure,
    e.stream,
    count(*)::integer AS people,
    sum(e.size)::bigint AS gross,
    max(e.size)::bigint AS largest,
    coalesce((array_agg(e.size ORDER BY e.size DESC))[2], 0)::bigint AS second,
    e.kind
FROM of_each AS e
GROUP BY e.kind, e.first_day, e.activity, e.measure, e.stream, e.rated, e.factored
ORDER BY e.first_day, e.activity, e.stream, e.kind, e.rated NULLS FIRST, e.factored NULLS FIRST;
