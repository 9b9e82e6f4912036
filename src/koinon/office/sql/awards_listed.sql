-- What households are granted a month, as the table component reads it.
--
-- town_id integer, today date
--
-- One row for each award. Locks nothing.
SELECT
    award.id,
    award.household_id AS party,
    programme.name AS programme,
    award.monthly_minor,
    award.from_day,
    award.to_day,
    CASE
        WHEN award.from_day > %(today)s THEN 'coming'
        WHEN award.to_day < %(today)s THEN 'ended'
        ELSE 'running'
    END AS state
FROM programmes_award AS award
INNER JOIN programmes_programme AS programme ON programme.id = award.programme_id
WHERE programme.town_id = %(town_id)s
