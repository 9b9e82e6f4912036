-- A fund with its rule, a programme that pays the whole award from it, and an award for each household.
--
-- households, award_ids  uuid[]  side by side
WITH fund AS (
    INSERT INTO programmes_fund (id, town_id, code, name, source, budget_minor, rule, spend_from, last_day)
    VALUES (%(fund_id)s, %(town_id)s, %(code)s::text, initcap(%(code)s::text), '', NULL, %(rule)s::jsonb, NULL, %(last_day)s)
    RETURNING id
),
programme AS (
    INSERT INTO programmes_programme (id, town_id, code, name, kind, fund_id, share_numerator, share_denominator,
                                      floor_monthly_minor, rule)
    SELECT %(programme_id)s, %(town_id)s, %(code)s::text, initcap(%(code)s::text), 'aid', fund.id, 1, 1, 0, '{}'::jsonb FROM fund
    RETURNING id
)
INSERT INTO programmes_award (id, programme_id, household_id, monthly_minor, from_day, to_day)
SELECT asked.id, programme.id, asked.household, %(monthly_minor)s, %(from_day)s, NULL
FROM programme, unnest(%(award_ids)s::uuid[], %(households)s::uuid[]) AS asked (id, household);
