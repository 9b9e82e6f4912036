-- Invariant: by vouchers a card pays on one day at most the cap of that day, over all tills together.
-- Returns the cards and days that break it; an empty answer is a pass.
SELECT v.town_id, v.card, v.day, sum(v.paid_minor) AS paid_minor, held.card_most_minor
FROM offline.voucher AS v
LEFT JOIN LATERAL (
    SELECT t.card_most_minor FROM offline.terms AS t
    WHERE t.town_id = v.town_id AND t.from_day <= v.day
    ORDER BY t.from_day DESC
    LIMIT 1
) AS held ON TRUE
WHERE v.paid_minor > 0
GROUP BY v.town_id, v.card, v.day, held.card_most_minor
HAVING sum(v.paid_minor) > coalesce(held.card_most_minor, 0);
