-- What somebody was rewarded for in an activity, stream by stream: on a day, in its month, and altogether. Locks nothing.
--
-- town_id integer, activity_id uuid, party uuid, payee uuid, day date, first_day date, last_day date (of the month),
-- apart_from uuid[]
--
-- What a household did in its own name may be what one of its people did: it counts against each of them, and what
-- they did counts against the household. What was undone counts as far as its reward was spent and could not be taken
-- back; where a verified one replaces it, the larger of the two quantities does. Those of apart_from are left out.
WITH RECURSIVE mine AS (
    SELECT
        c.id, c.replaces, c.stream, c.day, c.state, c.rewarded_quantity, c.reward_minor,
        c.reward_minor + c.reward_minutes AS given, c.reward_minor + c.reward_minutes - coalesce(c.taken_back, 0) AS kept
    FROM coproduction.contribution AS c
    WHERE
        c.town_id = %(town_id)s AND c.activity_id = %(activity_id)s AND c.state IN ('verified', 'undone')
        AND (c.party = %(party)s OR (c.payee = %(payee)s AND (c.party = c.payee OR c.payee = %(party)s)))
        AND c.id <> ALL(%(apart_from)s::uuid [])
), spent AS (
    SELECT
        mine.id, mine.stream, mine.day, ceil(mine.rewarded_quantity::numeric * mine.kept / mine.given)::bigint AS quantity,
        CASE WHEN mine.reward_minor > 0 THEN mine.kept ELSE 0 END AS minor
    FROM mine
    WHERE mine.state = 'undone' AND mine.kept > 0
), anew AS (
    SELECT spent.id AS spent, spent.id, 'undone' AS state FROM spent
    UNION ALL
    SELECT anew.spent, mine.id, mine.state FROM anew INNER JOIN mine ON mine.replaces = anew.id
), counted AS (
    SELECT
        mine.stream, mine.day, mine.reward_minor AS minor,
        greatest(mine.rewarded_quantity, (
            SELECT sum(spent.quantity) FROM anew INNER JOIN spent ON spent.id = anew.spent WHERE anew.id = mine.id
        )) AS quantity
    FROM mine
    WHERE mine.state = 'verified'
    UNION ALL
    SELECT
        spent.stream, spent.day, spent.minor,
        CASE
            WHEN EXISTS (SELECT FROM anew WHERE anew.spent = spent.id AND anew.state = 'verified') THEN 0
            ELSE spent.quantity
        END
    FROM spent
)
SELECT
    stream,
    coalesce(sum(quantity) FILTER (WHERE day = %(day)s), 0)::bigint AS day_quantity,
    coalesce(sum(minor) FILTER (WHERE day = %(day)s), 0)::bigint AS day_minor,
    coalesce(sum(quantity) FILTER (WHERE day BETWEEN %(first_day)s AND %(last_day)s), 0)::bigint AS month_quantity,
    coalesce(sum(minor) FILTER (WHERE day BETWEEN %(first_day)s AND %(last_day)s), 0)::bigint AS month_minor,
    coalesce(sum(quantity), 0)::bigint AS activity_quantity,
    coalesce(sum(minor), 0)::bigint AS activity_minor
FROM counted
GROUP BY stream;
