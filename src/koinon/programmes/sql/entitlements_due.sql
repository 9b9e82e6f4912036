-- The next entitlements to pay out, in the order of party ids.
--
-- cycle_id uuid, size integer
--
-- The caller holds the cycle's lock.
SELECT entitlement.id, entitlement.party_id, entitlement.amount_minor, party.erased_at IS NOT NULL AS erased
FROM programmes_entitlement AS entitlement
INNER JOIN parties_party AS party ON party.id = entitlement.party_id
WHERE entitlement.cycle_id = %(cycle_id)s AND entitlement.state = 'due'
ORDER BY entitlement.party_id
LIMIT %(size)s;
