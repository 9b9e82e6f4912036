-- Who holds these identifiers.
--
-- towns integer[], digests bytea[]  in parallel
SELECT lookup.digest, lookup.party_id
FROM parties_vaultlookup AS lookup
INNER JOIN unnest(%(towns)s::integer[], %(digests)s::bytea[]) AS given (town_id, digest)
    ON lookup.town_id = given.town_id AND lookup.digest = given.digest
WHERE lookup.kind = 'identifier';
