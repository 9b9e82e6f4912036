-- Forget by which values of these kinds parties were found.
--
-- parties uuid[], kinds text[]  in parallel
DELETE FROM parties_vaultlookup AS lookup
USING unnest(%(parties)s::uuid[], %(kinds)s::text[]) AS given (party_id, kind)
WHERE lookup.party_id = given.party_id AND lookup.kind = given.kind;
