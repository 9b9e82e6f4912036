-- Say that nothing of a cycle is left to pay out; its totals become what was paid.
--
-- cycle_id uuid, now timestamptz
UPDATE programmes_cycle AS cycle
SET
    state = 'disbursed', disbursed_at = %(now)s, total_minor = paid.minor, count = paid.number
FROM (
    SELECT coalesce(sum(amount_minor), 0) AS minor, count(*) AS number
    FROM programmes_entitlement
    WHERE cycle_id = %(cycle_id)s AND state = 'paid'
) AS paid
WHERE cycle.id = %(cycle_id)s AND cycle.state = 'disbursing';
