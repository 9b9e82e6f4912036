-- Actors are given their numbers before any account is locked.
SET LOCAL lock_timeout = '5s';

-- Give a number to each of these actors that has none yet; those that had one before.
--
-- Whoever locks accounts before posting calls this first. An actor's first row is waited for by others who post in its
-- name until it is committed; were accounts held meanwhile, two first postings could wait for each other.
CREATE FUNCTION ledger.meet_actors(p_town integer, p_actor text []) RETURNS text []
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, ledger
AS $$
DECLARE
    known CONSTANT text[] := ARRAY(
        SELECT act.name FROM ledger.actor AS act WHERE act.town_id = p_town AND act.name = ANY(p_actor)
    );
BEGIN
    PERFORM ledger.actor_numbers(p_town, p_actor);
    RETURN known;
END $$;
COMMENT ON FUNCTION ledger.meet_actors IS 'Number actors before anything is locked, so that two first postings never wait for each other.';

REVOKE EXECUTE ON FUNCTION ledger.meet_actors FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ledger.meet_actors TO koinon_app;
