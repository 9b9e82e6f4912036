-- Divide a cycle's due lines into so many lanes of as many lines each, in the order of party ids.
--
-- cycle_id uuid, lanes integer
WITH line AS (
    SELECT
        entitlement.party_id, entitlement.amount_minor,
        ntile(%(lanes)s::integer) OVER (ORDER BY entitlement.party_id) AS lane
    FROM programmes_entitlement AS entitlement
    WHERE entitlement.cycle_id = %(cycle_id)s AND entitlement.decision = 'due'
),
part AS (
    SELECT line.lane, sum(line.amount_minor)::bigint AS minor, (array_agg(line.party_id ORDER BY line.party_id DESC))[1] AS upto
    FROM line
    GROUP BY line.lane
)
INSERT INTO programmes_lane (cycle_id, number, after, upto, total_minor)
SELECT
    %(cycle_id)s, part.lane - 1, lag(part.upto) OVER (ORDER BY part.lane),
    CASE WHEN part.lane < %(lanes)s::integer THEN part.upto END, part.minor
FROM part;
