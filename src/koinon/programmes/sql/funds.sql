-- The funds of a town: all of them, or the one with this id or code.
--
-- town_id integer, fund_id uuid or null, code text or null
--
-- JSON as text: Django's connections hand it over undecoded, ours decoded. rule and last_day are what held first,
-- later what was announced to hold from later days on.
SELECT
    id, town_id, code, name, source, budget_minor, rule::text AS rule_json, spend_from, last_day, later::text AS later_json,
    notice_days, warn_days
FROM programmes_fund
WHERE
    town_id = %(town_id)s
    AND (%(fund_id)s::uuid IS NULL OR id = %(fund_id)s::uuid)
    AND (%(code)s::text IS NULL OR code = %(code)s::text)
ORDER BY code;
