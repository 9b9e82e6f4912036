-- Invariant: what a card pays without a PIN keeps to the town's terms of that day, one by one and taken together.
-- Returns the cards and days that break it; an empty answer is a pass.
--
-- On a day on which other terms begin, those of the day before hold until they are said; the wider of the two count here.
SELECT p.town_id, p.instrument, p.day, sum(p.amount_minor) AS paid_minor, max(t.per_day_minor) AS per_day_minor
FROM instruments.small_purchase AS p
LEFT JOIN LATERAL (
    SELECT max(held.most_minor) AS most_minor, max(held.per_day_minor) AS per_day_minor
    FROM instruments.small_terms AS held
    WHERE held.town_id = p.town_id AND held.from_day <= p.day AND NOT EXISTS (
        SELECT FROM instruments.small_terms AS newer
        WHERE newer.town_id = held.town_id AND newer.from_day > held.from_day AND newer.from_day < p.day
    )
) AS t ON TRUE
GROUP BY p.town_id, p.instrument, p.day
HAVING sum(p.amount_minor) > coalesce(max(t.per_day_minor), 0) OR max(p.amount_minor) > coalesce(max(t.most_minor), 0);
