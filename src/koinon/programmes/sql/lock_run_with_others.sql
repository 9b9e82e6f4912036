-- Pay a lane of a cycle out while others pay other lanes, until the transaction ends. Comes before the lock on the lane.
--
-- cycle_id uuid
SELECT pg_advisory_xact_lock_shared(hashtextextended('programmes.run:' || cycle.programme_id, 0))
FROM programmes_cycle AS cycle
WHERE cycle.id = %(cycle_id)s::uuid;
