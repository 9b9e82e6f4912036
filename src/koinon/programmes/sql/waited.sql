-- How long households have been on a programme's waiting list, and who was paid in the cycle before.
--
-- programme_id uuid
-- month        text (YYYY-MM)  only cycles of earlier months count; cancelled ones never do
WITH cycle AS (
    SELECT id, month
    FROM programmes_cycle
    WHERE programme_id = %(programme_id)s AND month < %(month)s AND state <> 'cancelled'
),
seen AS (
    SELECT
        entitlement.party_id, cycle.month, entitlement.decision,
        max(cycle.month) FILTER (WHERE entitlement.decision = 'due' AND failure.again IS NOT FALSE)
            OVER (PARTITION BY entitlement.party_id) AS paid_month
    FROM cycle
    INNER JOIN programmes_entitlement AS entitlement ON entitlement.cycle_id = cycle.id
    LEFT JOIN programmes_failure AS failure ON failure.entitlement_id = entitlement.id -- What could not be paid is not paid.
)
SELECT
    party_id,
    (count(*) FILTER (WHERE decision = 'waiting' AND month > coalesce(paid_month, '')))::integer AS months,
    coalesce(max(paid_month) = (SELECT max(cycle.month) FROM cycle), FALSE) AS continued
FROM seen
GROUP BY party_id;
