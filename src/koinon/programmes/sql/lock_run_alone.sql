-- Be the only one who pays a cycle out, stops it or ends it, until the transaction ends. Comes before the lock on its row.
--
-- cycle_id uuid
--
-- An advisory lock and not one on the row: who asks for it is served before those who come later and would share it
-- (lock_run_with_others.sql), so that a run in many lanes can be stopped.
SELECT pg_advisory_xact_lock(hashtextextended('programmes.run:' || %(cycle_id)s::uuid, 0));
