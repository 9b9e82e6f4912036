-- Record a fund, or what changed of it.
--
-- town_id integer, id uuid, code text, name text, source text, budget_minor bigint, rule text (JSON),
-- spend_from date or null, last_day date or null, notice_days integer, warn_days integer
INSERT INTO programmes_fund (id, town_id, code, name, source, budget_minor, rule, spend_from, last_day, notice_days, warn_days)
VALUES (
    %(id)s, %(town_id)s, %(code)s, %(name)s, %(source)s, %(budget_minor)s, %(rule)s::jsonb,
    %(spend_from)s, %(last_day)s, %(notice_days)s, %(warn_days)s
)
ON CONFLICT (id) DO UPDATE
    SET
        name = excluded.name,
        source = excluded.source,
        budget_minor = excluded.budget_minor,
        rule = excluded.rule,
        spend_from = excluded.spend_from,
        last_day = excluded.last_day,
        notice_days = excluded.notice_days,
        warn_days = excluded.warn_days;
