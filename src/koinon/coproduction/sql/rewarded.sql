-- What somebody was rewarded for in an activity, stream by stream: on a day, in its month, and altogether. Locks nothing.
--
-- town_id integer, activity_id uuid, party uuid, payee uuid, day date, first_day date, last_day date (of the month),
-- apart_from uuid[]
--
-- What a household did in its own name may be what one of its people did: it counts against each of them, and what
-- they did counts against the household. What was undone counts as far as its reward was spent and could not be taken
-- back; its quantity does not count beside that of the verified one which replaces it. Those of apart_from are left out.
WITH RECURSIVE mine AS (
    SELECT
        c.id, c.replaces, c.stream, c.day, c.state, c.rewarded_quantity, c.reward_minor,
        c.reward_minor + c.reward_minutes AS given, c.reward_minor + c.reward_minutes - coalesce(c.taken_back, 0) AS kept
    FROM coproduction.contribution AS c
    WHERE
        c.town_id = %(town_id)s AND c.activity_id = %(activity_id)s AND c.state IN ('verified', 'undone')
        AND (c.party = %(party)s OR (c.payee = %(payee)s AND (c.party = c.payee OR c.payee = %(party)s)))
        AND c.id <> ALL(%(apart_from)s::uuid [])
), anew AS (
    SELECT mine.id AS undone, mine.id, mine.state FROM mine WHERE mine.state = 'undone' AND mine.kept > 0
    UNION ALL
    SELECT anew.undone, mine.id, mine.state FROM anew INNER JOIN mine ON mine.replaces = anew.id
), counted AS (
    SELECT mine.stream, mine.day, mine.rewarded_quantity AS quantity, mine.reward_minor AS minor
    FROM mine
    WHERE mine.state = 'verified'
    UNION ALL
    SELECT
        mine.stream, mine.day,
        CASE
            WHEN EXISTS (SELECT FROM anew WHERE anew.undone = mine.id AND anew.state = 'verified') THEN 0
            ELSE ceil(mine.rewarded_quantity::numeric * mine.kept / mine.given)::bigint
        END,
        CASE WHEN mine.reward_minor > 0 THEN mine.kept ELSE 0 END
    FROM mine
    WHERE mine.state = 'undone' AND mine.kept > 0
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
