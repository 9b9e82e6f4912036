-- Lock a lane that has lines left and that nobody else is paying now, until the transaction ends; no row where there is none.
--
-- cycle_id uuid
SELECT lane.id
FROM programmes_lane AS lane
WHERE lane.cycle_id = %(cycle_id)s AND NOT lane.done
ORDER BY lane.number
LIMIT 1
FOR NO KEY UPDATE SKIP LOCKED;
