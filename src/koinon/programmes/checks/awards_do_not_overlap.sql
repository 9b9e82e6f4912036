-- Invariant: on any day a household has at most one award of a programme.
-- Returns the pairs that break it; an empty answer is a pass.
SELECT programme.town_id, earlier.household_id, earlier.id AS award, later.id AS overlapping
FROM programmes_award AS earlier
INNER JOIN programmes_award AS later
    ON
        later.programme_id = earlier.programme_id
        AND later.household_id = earlier.household_id
        AND later.from_day > earlier.from_day
INNER JOIN programmes_programme AS programme ON programme.id = earlier.programme_id
WHERE earlier.to_day IS NULL OR later.from_day <= earlier.to_day;
