-- Make what could not be paid due again, but for households whose data were erased; how many and how much.
--
-- cycle_id uuid, now timestamptz
WITH again AS (
    UPDATE programmes_failure AS failure
    SET again = TRUE
    FROM programmes_entitlement AS entitlement
    WHERE
        failure.cycle_id = %(cycle_id)s AND failure.code <> 'entitlement.household-erased'
        AND entitlement.id = failure.entitlement_id
    RETURNING entitlement.amount_minor
),
counted AS (SELECT count(*)::integer AS lines, coalesce(sum(amount_minor), 0)::bigint AS minor FROM again),
begun AS (
    UPDATE programmes_cycle AS cycle
    SET
        state = 'disbursing', retries = cycle.retries + 1, retried_at = %(now)s,
        total_minor = cycle.total_minor + counted.minor, count = cycle.count + counted.lines,
        failed = cycle.failed - counted.lines
    FROM counted
    WHERE cycle.id = %(cycle_id)s AND cycle.state = 'disbursed' AND counted.lines > 0
)
SELECT lines, minor FROM counted;
