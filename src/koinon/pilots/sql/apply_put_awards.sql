-- Record awards, or what changed of them.
--
-- Arrays of the same length: id uuid, programme uuid, household uuid, monthly_minor bigint, from_day date,
-- to_day date
INSERT INTO programmes_award (id, programme_id, household_id, monthly_minor, from_day, to_day)
SELECT wanted.id, wanted.programme, wanted.household, wanted.monthly_minor, wanted.from_day, wanted.to_day
FROM unnest(
    %(id)s::uuid[], %(programme)s::uuid[], %(household)s::uuid[], %(monthly_minor)s::bigint[],
    %(from_day)s::date[], %(to_day)s::date[]
) AS wanted (id, programme, household, monthly_minor, from_day, to_day)
ON CONFLICT (id) DO UPDATE
    SET monthly_minor = excluded.monthly_minor, to_day = excluded.to_day;
