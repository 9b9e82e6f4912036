-- The funds of a town. JSON comes as text.
--
-- town_id integer
SELECT id, code, name, source, budget_minor, rule::text AS rule, spend_from, last_day, notice_days, warn_days
FROM programmes_fund
WHERE town_id = %(town_id)s;
