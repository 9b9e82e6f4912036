-- Number actors that have none yet; see ledger.meet_actors.
--
-- town_id integer, actors text []
--
-- A text [] of those that had one before.
SELECT ledger.meet_actors(%(town_id)s, %(actors)s);
