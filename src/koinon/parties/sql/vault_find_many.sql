-- The parties of a town with each of many values of one kind, by their keyed hashes.
--
-- town_id integer, kind text
-- digests bytea[]  in any order
--
-- One row (digest, party_id) for each party that has one of them. Locks nothing.
SELECT lookup.digest, lookup.party_id
FROM parties_vaultlookup AS lookup
WHERE lookup.town_id = %(town_id)s AND lookup.kind = %(kind)s AND lookup.digest = ANY(%(digests)s::bytea[])
ORDER BY lookup.party_id;
