-- A cycle's entitlements, a page at a time.
--
-- town_id integer, cycle_id uuid, state text or null
-- after  uuid or null  show those of parties after this one
-- size   integer       how many at the most
SELECT
    entitlement.id, entitlement.cycle_id, entitlement.party_id, cycle.month, entitlement.amount_minor,
    entitlement.state, entitlement.grounds::text AS grounds_json,
    entitlement.snapshot::text AS snapshot_json, entitlement.failure
FROM programmes_line AS entitlement
INNER JOIN programmes_cycle AS cycle ON cycle.id = entitlement.cycle_id
INNER JOIN programmes_programme AS programme ON programme.id = cycle.programme_id
WHERE
    programme.town_id = %(town_id)s
    AND entitlement.cycle_id = %(cycle_id)s
    AND (%(state)s::text IS NULL OR entitlement.state = %(state)s::text)
    AND (%(after)s::uuid IS NULL OR entitlement.party_id > %(after)s::uuid)
ORDER BY entitlement.party_id
LIMIT %(size)s;
