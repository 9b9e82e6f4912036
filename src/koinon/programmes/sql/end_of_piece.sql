-- The party with which the next piece of a run ends; no row where it takes all the rest.
--
-- cycle_id uuid, after uuid, size integer
SELECT entitlement.party_id AS id
FROM programmes_entitlement AS entitlement
WHERE entitlement.cycle_id = %(cycle_id)s AND entitlement.state = 'due' AND entitlement.party_id > %(after)s
ORDER BY entitlement.party_id
OFFSET %(size)s::integer - 1 LIMIT 1;
