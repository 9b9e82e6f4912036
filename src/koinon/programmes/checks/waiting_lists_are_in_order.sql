-- Invariant: nobody on a waiting list has a better place than somebody who is paid, and whoever waits is paid nothing.
-- Returns the entitlements that break it; an empty answer is a pass.
SELECT programme.town_id, entitlement.cycle_id, entitlement.party_id, entitlement.amount_minor
FROM programmes_entitlement AS entitlement
INNER JOIN programmes_cycle AS cycle ON cycle.id = entitlement.cycle_id
INNER JOIN programmes_programme AS programme ON programme.id = cycle.programme_id
WHERE
    entitlement.decision = 'waiting'
    AND (
        entitlement.amount_minor <> 0
        OR entitlement.snapshot ->> 'place' IS NULL
        OR EXISTS (
            SELECT FROM programmes_entitlement AS reached
            WHERE
                reached.cycle_id = entitlement.cycle_id AND reached.decision = 'due'
                AND (reached.snapshot ->> 'place')::integer > (entitlement.snapshot ->> 'place')::integer
        )
    );
