-- Invariant: by vouchers of one day, and by those that arrive on one day, a card pays at most the cap of that day, over all tills together.
-- Returns the cards and days that break it; an empty answer is a pass.
WITH charged AS (
    SELECT v.town_id, v.card, counted.by, counted.day, sum(v.paid_minor) AS paid_minor
    FROM offline.voucher AS v
    CROSS JOIN LATERAL (VALUES ('accepted', v.day), ('arrived', v.arrived)) AS counted (by, day)
    WHERE v.paid_minor > 0 AND counted.day IS NOT NULL
    GROUP BY v.town_id, v.card, counted.by, counted.day
)
SELECT charged.town_id, charged.card, charged.by, charged.day, charged.paid_minor, held.card_most_minor
FROM charged
LEFT JOIN LATERAL (
    SELECT t.card_most_minor FROM offline.terms AS t
    WHERE t.town_id = charged.town_id AND t.from_day <= charged.day
    ORDER BY t.from_day DESC
    LIMIT 1
) AS held ON TRUE
WHERE charged.paid_minor > coalesce(held.card_most_minor, 0);
