-- Lock one proposed target, or all of a town, until the transaction ends, so that two who decide take turns.
--
-- town_id  integer
-- id       uuid or null
SELECT p.id
FROM impact.target_proposal AS p
WHERE p.town_id = %(town_id)s AND (%(id)s::uuid IS NULL OR p.id = %(id)s::uuid)
ORDER BY p.id
FOR UPDATE;
