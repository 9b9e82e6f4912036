-- Invariant: in any month a household has at most one exception of a programme in force, and it is of the programme's town.
-- Returns the exceptions that break it; an empty answer is a pass.
SELECT programme.town_id, earlier.household_id, earlier.id AS exception, later.id AS overlapping
FROM programmes_aidexception AS earlier
INNER JOIN programmes_programme AS programme ON programme.id = earlier.programme_id
INNER JOIN parties_party AS party ON party.id = earlier.household_id
LEFT JOIN programmes_aidexception AS later
    ON
        later.programme_id = earlier.programme_id
        AND later.household_id = earlier.household_id
        AND later.state = 'approved'
        AND (later.first_month, later.id) > (earlier.first_month, earlier.id)
        AND (earlier.last_month = '' OR later.first_month <= earlier.last_month)
WHERE earlier.state = 'approved' AND (later.id IS NOT NULL OR party.town_id <> programme.town_id);
