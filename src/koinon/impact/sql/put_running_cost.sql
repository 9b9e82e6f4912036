-- Say what some activities cost beside their rewards. Touches no row where it was said already.
--
-- town_id integer
-- activity text[], from_day date[], until_day date[], amount_minor bigint[], source text[]  side by side, each activity,
--     first day and source once
-- set_by text, set_at timestamptz
INSERT INTO impact.running_cost (town_id, activity, from_day, until_day, amount_minor, source, set_by, set_at)
SELECT
    %(town_id)s, said.activity, said.from_day, said.until_day, said.amount_minor, said.source, %(set_by)s, %(set_at)s
FROM unnest(
    %(activity)s::text[], %(from_day)s::date[], %(until_day)s::date[], %(amount_minor)s::bigint[], %(source)s::text[]
) AS said (activity, from_day, until_day, amount_minor, source)
ON CONFLICT (town_id, activity, from_day, source) DO UPDATE SET
    until_day = excluded.until_day, amount_minor = excluded.amount_minor,
    set_by = excluded.set_by, set_at = excluded.set_at
WHERE (running_cost.until_day, running_cost.amount_minor) <> (excluded.until_day, excluded.amount_minor);
