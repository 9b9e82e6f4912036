-- Invariant: the town bears a loss only where the terms of that day say so, out of the fund that they name, and in a month at most what they promise.
-- Returns the vouchers and months that break it; an empty answer is a pass.
WITH judged AS (
    SELECT v.town_id, v.id, v.month, v.covered_minor + v.owed_minor - v.returned_minor AS towns, v.fund_id, held.bearer, held.fund_id AS promised,
           held.month_most_minor
    FROM offline.voucher AS v
    LEFT JOIN LATERAL (
        SELECT t.bearer, t.fund_id, t.month_most_minor FROM offline.terms AS t
        WHERE t.town_id = v.town_id AND t.from_day <= v.day
        ORDER BY t.from_day DESC
        LIMIT 1
    ) AS held ON TRUE
    WHERE v.covered_minor + v.owed_minor > 0
)
SELECT town_id, id AS voucher_id, month, towns AS minor
FROM judged
WHERE bearer IS DISTINCT FROM 'town' OR fund_id IS DISTINCT FROM promised
UNION ALL
SELECT town_id, NULL, month, sum(towns)
FROM judged
GROUP BY town_id, month
HAVING sum(towns) > max(month_most_minor);
