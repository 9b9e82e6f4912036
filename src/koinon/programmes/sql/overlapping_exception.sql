-- An exception in force for the same household and programme in one of these months, if there is one.
--
-- programme_id uuid, household uuid, exception_id uuid, first_month text, last_month text (empty: without end)
SELECT id
FROM programmes_aidexception
WHERE
    programme_id = %(programme_id)s AND household_id = %(household)s AND state = 'approved' AND id <> %(exception_id)s
    AND (%(last_month)s = '' OR first_month <= %(last_month)s)
    AND (last_month = '' OR last_month >= %(first_month)s)
ORDER BY id
LIMIT 1;
