-- Awards about to end, locked in the order of their ids.
--
-- town_id integer, ids uuid[]
--
-- One row (id uuid, from_day date, to_day date or null) for each of the town.
SELECT award.id, award.from_day, award.to_day
FROM programmes_award AS award
INNER JOIN programmes_programme AS programme ON programme.id = award.programme_id
WHERE programme.town_id = %(town_id)s AND award.id = ANY(%(ids)s::uuid[])
ORDER BY award.id
FOR NO KEY UPDATE OF award;
