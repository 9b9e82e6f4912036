-- Lock the first lane that has lines left, when whoever is paying it has ended; no row where there is none any more.
--
-- cycle_id uuid
SELECT lane.id
FROM programmes_lane AS lane
WHERE lane.cycle_id = %(cycle_id)s AND NOT lane.done
ORDER BY lane.number
LIMIT 1
FOR NO KEY UPDATE;
