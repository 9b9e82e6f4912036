-- Wait for whoever says at the moment what this town wants to reach; until the transaction ends nobody else does.
--
-- town_id integer
--
-- An advisory lock, because the row to be written may not exist yet. Taken before any row of impact.target_proposal.
SELECT pg_advisory_xact_lock(701202, %(town_id)s);
