-- A fund of a sandbox with its rule, a programme that pays the whole award from it, and an award for each household.
--
-- town_id integer, fund_id uuid, programme_id uuid, code text, name text, rule text (JSON), monthly_minor bigint,
-- from_day date, and side by side: households uuid[], award_ids uuid[]
WITH fund AS (
    INSERT INTO programmes_fund (id, town_id, code, name, source, budget_minor, rule, spend_from, last_day)
    VALUES (%(fund_id)s, %(town_id)s, %(code)s, %(name)s, 'play money', NULL, %(rule)s::jsonb, NULL, NULL)
    RETURNING id
), programme AS (
    INSERT INTO programmes_programme (
        id, town_id, code, name, kind, fund_id, share_numerator, share_denominator, floor_monthly_minor, rule
    )
    SELECT %(programme_id)s, %(town_id)s, %(code)s, %(name)s, 'aid', fund.id, 1, 1, 0, '{}'::jsonb FROM fund
    RETURNING id
)
INSERT INTO programmes_award (id, programme_id, household_id, monthly_minor, from_day, to_day)
SELECT wanted.id, programme.id, wanted.household, %(monthly_minor)s, %(from_day)s, NULL
FROM programme
CROSS JOIN unnest(%(award_ids)s::uuid[], %(households)s::uuid[]) AS wanted (id, household);
