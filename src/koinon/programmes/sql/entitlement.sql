-- What one household is due in a cycle, or why nothing: by its own id, or by cycle and household.
--
-- town_id integer, entitlement_id uuid or null, cycle_id uuid or null, party_id uuid or null
SELECT
    entitlement.id, entitlement.cycle_id, entitlement.party_id, cycle.month, entitlement.amount_minor,
    entitlement.state, entitlement.grounds::text AS grounds_json,
    entitlement.snapshot::text AS snapshot_json, entitlement.failure
FROM programmes_line AS entitlement
INNER JOIN programmes_cycle AS cycle ON cycle.id = entitlement.cycle_id
INNER JOIN programmes_programme AS programme ON programme.id = cycle.programme_id
WHERE
    programme.town_id = %(town_id)s
    AND (
        entitlement.id = %(entitlement_id)s::uuid
        OR (entitlement.cycle_id = %(cycle_id)s::uuid AND entitlement.party_id = %(party_id)s::uuid)
    );
