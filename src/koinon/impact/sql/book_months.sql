-- The months in which a town's books were written, oldest first, as months since January 1970 UTC. Locks nothing.
--
-- town_id integer
SELECT p.month FROM ledger.period AS p WHERE p.town_id = %(town_id)s ORDER BY p.month;
