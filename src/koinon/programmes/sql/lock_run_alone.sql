-- Be the only one who pays a cycle out, stops it or ends it, until the transaction ends. Comes before the lock on its row.
--
-- cycle_id uuid
--
-- Of its programme's cycles: all of them are paid from the same escrows, and whoever does it in one transaction holds reserve
-- and escrow before the purses.
--
-- An advisory lock and not one on the row: who asks for it is served before those who come later and would share it
-- (lock_run_with_others.sql), so that a run in many lanes can be stopped.
SELECT pg_advisory_xact_lock(hashtextextended('programmes.run:' || cycle.programme_id, 0))
FROM programmes_cycle AS cycle
WHERE cycle.id = %(cycle_id)s::uuid;
