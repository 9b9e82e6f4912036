-- What somebody was rewarded for in an activity, stream by stream: on a day, in its month, and altogether. Locks nothing.
--
-- town_id integer, activity_id uuid, party uuid, payee uuid, day date, first_day date, last_day date (of the month)
--
-- What a household did in its own name may be what one of its people did: it counts against each of them, and what
-- they did counts against the household.
SELECT
    stream,
    coalesce(sum(rewarded_quantity) FILTER (WHERE day = %(day)s), 0)::bigint AS day_quantity,
    coalesce(sum(reward_minor) FILTER (WHERE day = %(day)s), 0)::bigint AS day_minor,
    coalesce(sum(rewarded_quantity) FILTER (WHERE day BETWEEN %(first_day)s AND %(last_day)s), 0)::bigint AS month_quantity,
    coalesce(sum(reward_minor) FILTER (WHERE day BETWEEN %(first_day)s AND %(last_day)s), 0)::bigint AS month_minor,
    coalesce(sum(rewarded_quantity), 0)::bigint AS activity_quantity,
    coalesce(sum(reward_minor), 0)::bigint AS activity_minor
FROM coproduction.contribution
WHERE
    town_id = %(town_id)s AND activity_id = %(activity_id)s AND state = 'verified'
    AND (party = %(party)s OR (payee = %(payee)s AND (party = payee OR payee = %(party)s)))
GROUP BY stream;
