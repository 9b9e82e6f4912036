-- Counters of tills that have not come although later ones have.
--
-- town_id integer
SELECT
    d.id AS device, d.number AS device_number, d.party, coalesce(o.trade_name, '') AS trade_name,
    came.before + 1 AS first, came.counter - 1 AS last
FROM offline.device AS d
LEFT JOIN parties_organisation AS o ON o.party_id = d.party
INNER JOIN LATERAL (
    SELECT v.counter, lag(v.counter, 1, 0) OVER (ORDER BY v.counter) AS before
    FROM offline.voucher AS v
    WHERE v.town_id = d.town_id AND v.device = d.id AND NOT v.clashes
) AS came ON came.counter > came.before + 1
WHERE d.town_id = %(town_id)s
ORDER BY d.number, first;
