-- Keep the decisions of a cycle in one statement.
--
-- cycle_id uuid; in parallel: ids uuid[], parties uuid[], amounts bigint[], states text[],
-- grounds text[] (JSON), snapshots text[] (JSON)
INSERT INTO programmes_entitlement (id, cycle_id, party_id, amount_minor, decision, grounds, snapshot)
SELECT
    given.id, %(cycle_id)s::uuid, given.party_id, given.amount_minor, given.state,
    given.grounds::jsonb, given.snapshot::jsonb
FROM unnest(
    %(ids)s::uuid[], %(parties)s::uuid[], %(amounts)s::bigint[], %(states)s::text[],
    %(grounds)s::text[], %(snapshots)s::text[]
) AS given (id, party_id, amount_minor, state, grounds, snapshot);
