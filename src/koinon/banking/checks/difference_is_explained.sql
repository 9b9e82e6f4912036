-- Invariant: entries, less what the treasury's books say of the same euros, are exactly what is listed, set aside, or
-- not seen by the bank yet: no euro is lost between the bank and the books.
-- Returns the towns that break it, by how much; an empty answer is a pass.
WITH banks AS (
    SELECT e.town_id, sum(e.amount_minor) AS minor FROM banking.entry AS e GROUP BY e.town_id
),

aside AS (
    SELECT e.town_id, sum(e.amount_minor) AS minor FROM banking.entry AS e WHERE e.matched_at IS NULL GROUP BY e.town_id
    UNION ALL
    SELECT m.town_id, sum(m.amount_minor) FROM banking.match AS m WHERE m.kind IN ('charge', 'own', 'other') GROUP BY m.town_id
),

booked AS (
    SELECT m.town_id, sum(m.amount_minor) AS minor FROM banking.match AS m
    WHERE m.kind NOT IN ('charge', 'own', 'other') GROUP BY m.town_id
)

SELECT b.town_id, b.minor AS banks_minor, a.minor AS aside_minor, k.minor AS booked_minor
FROM banks AS b
LEFT JOIN (SELECT x.town_id, sum(x.minor) AS minor FROM aside AS x GROUP BY x.town_id) AS a ON a.town_id = b.town_id
LEFT JOIN booked AS k ON k.town_id = b.town_id
WHERE b.minor <> coalesce(a.minor, 0) + coalesce(k.minor, 0);
