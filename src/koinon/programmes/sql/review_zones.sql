-- Each neighbourhood's part of a cycle.
--
-- cycle_id uuid
SELECT coalesce(snapshot ->> 'zone', '') AS zone, count(*)::integer AS households, sum(amount_minor)::bigint AS minor
FROM programmes_entitlement
WHERE cycle_id = %(cycle_id)s AND decision = 'due'
GROUP BY 1
ORDER BY minor DESC, zone;
