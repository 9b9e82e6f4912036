-- What approved cycles of a fund issue together, in minor units.
--
-- fund_id  uuid
SELECT coalesce(sum(cycle.total_minor), 0)
FROM programmes_cycle AS cycle
INNER JOIN programmes_programme AS programme ON programme.id = cycle.programme_id
WHERE programme.fund_id = %(fund_id)s AND cycle.state IN ('approved', 'disbursing', 'disbursed');
