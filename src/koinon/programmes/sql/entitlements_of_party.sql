-- What a household was due, newest month first; cancelled cycles left out.
--
-- town_id integer, party_id uuid, size integer
SELECT
    entitlement.id, entitlement.cycle_id, entitlement.party_id, cycle.month, entitlement.amount_minor,
    entitlement.state, entitlement.grounds::text AS grounds_json,
    entitlement.snapshot::text AS snapshot_json
FROM programmes_entitlement AS entitlement
INNER JOIN programmes_cycle AS cycle ON cycle.id = entitlement.cycle_id
INNER JOIN programmes_programme AS programme ON programme.id = cycle.programme_id
WHERE
    programme.town_id = %(town_id)s
    AND entitlement.party_id = %(party_id)s
    AND cycle.state <> 'cancelled'
ORDER BY cycle.month DESC, entitlement.id DESC
LIMIT %(size)s;
