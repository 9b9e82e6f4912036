-- How much of each of some transfers has been reversed already, in minor units. Locks nothing.
--
-- town_id integer, originals uuid[]
--
-- One row (original uuid, reversed_minor bigint) for each original with at least one reversal.
SELECT reverses AS original, sum(amount_minor)::bigint AS reversed_minor
FROM ledger.transfer
WHERE town_id = %(town_id)s AND reverses = ANY(%(originals)s::uuid[])
GROUP BY reverses;
