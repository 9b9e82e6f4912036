-- Let nobody else look whether a town must be warned until the transaction ends; read in a later statement.
--
-- town_id integer
SELECT pg_advisory_xact_lock(19277, %(town_id)s::integer);
