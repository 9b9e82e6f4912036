-- The exceptions of a town, newest first; of one programme, one household, in one state, or one of them.
--
-- town_id integer, programme_id uuid or null, household uuid or null, state text or null, exception_id uuid or null
SELECT
    exception.id, exception.programme_id, programme.code AS programme_code, programme.name AS programme_name,
    exception.household_id AS household, exception.kind, exception.aid_minor, exception.first_month,
    exception.last_month, exception.reason, exception.state, exception.proposed_by, exception.proposed_at,
    exception.decided_by, exception.decided_at, exception.withdrawn_by, exception.withdrawn_at
FROM programmes_aidexception AS exception
INNER JOIN programmes_programme AS programme ON programme.id = exception.programme_id
WHERE
    programme.town_id = %(town_id)s
    AND (%(programme_id)s::uuid IS NULL OR exception.programme_id = %(programme_id)s::uuid)
    AND (%(household)s::uuid IS NULL OR exception.household_id = %(household)s::uuid)
    AND (%(state)s::text IS NULL OR exception.state = %(state)s::text)
    AND (%(exception_id)s::uuid IS NULL OR exception.id = %(exception_id)s::uuid)
ORDER BY exception.id DESC;
