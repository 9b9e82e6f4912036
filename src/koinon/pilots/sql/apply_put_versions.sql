-- What holds from later days on for a fund of which nothing was issued yet.
--
-- fund_id uuid, ids uuid[], from_days date[], rules text[] (JSON), last_days date[] (or nulls), reasons text[],
-- at timestamptz, actor text
INSERT INTO programmes_fundversion
(id, fund_id, from_day, rule, last_day, announced_at, announced_by, reason, withdrawn_by)
SELECT one.id, %(fund_id)s, one.from_day, one.rule::jsonb, one.last_day, %(at)s, %(actor)s, one.reason, ''
FROM unnest(
    %(ids)s::uuid[], %(from_days)s::date[], %(rules)s::text[], %(last_days)s::date[], %(reasons)s::text[]
) AS one (id, from_day, rule, last_day, reason);
