-- Say what an activity costs beside its rewards. Touches no row where it was said already.
--
-- town_id integer, activity text, from_day date, until_day date, amount_minor bigint, source text, set_by text,
-- set_at timestamptz
INSERT INTO impact.running_cost (town_id, activity, from_day, until_day, amount_minor, source, set_by, set_at)
VALUES (%(town_id)s, %(activity)s, %(from_day)s, %(until_day)s, %(amount_minor)s, %(source)s, %(set_by)s, %(set_at)s)
ON CONFLICT (town_id, activity, from_day, source) DO UPDATE SET
    until_day = excluded.until_day, amount_minor = excluded.amount_minor,
    set_by = excluded.set_by, set_at = excluded.set_at
WHERE (running_cost.until_day, running_cost.amount_minor) <> (excluded.until_day, excluded.amount_minor);
