-- Why lines of a cycle could not be paid, and how many.
--
-- cycle_id uuid
SELECT failure AS code, count(*)::integer AS households, sum(amount_minor)::bigint AS minor
FROM programmes_line
WHERE cycle_id = %(cycle_id)s AND state = 'failed'
GROUP BY failure
ORDER BY households DESC, failure;
