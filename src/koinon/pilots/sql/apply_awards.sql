-- The awards under a town's programmes.
--
-- town_id integer
SELECT award.id, award.programme_id AS programme, award.household_id AS household, award.monthly_minor,
    award.from_day, award.to_day
FROM programmes_award AS award
INNER JOIN programmes_programme AS programme ON programme.id = award.programme_id
WHERE programme.town_id = %(town_id)s;
