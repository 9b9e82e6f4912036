-- Wait for whoever follows this town's books at the moment; until the transaction ends nobody else does.
--
-- town_id integer
SELECT pg_advisory_xact_lock(701201, %(town_id)s);
