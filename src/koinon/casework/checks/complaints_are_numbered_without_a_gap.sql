-- Invariant: the complaints of a year are numbered from one to the last number given, without a gap.
-- Returns the years that break it; an empty answer is a pass.
SELECT coalesce(k.town_id, c.town_id) AS town_id, coalesce(k.year, c.year) AS year, k.last, c.complaints, c.highest
FROM casework.counter AS k
FULL JOIN (
    SELECT town_id, year, count(*) AS complaints, max(place) AS highest FROM casework.complaint GROUP BY town_id, year
) AS c ON c.town_id = k.town_id AND c.year = k.year
WHERE k.last IS DISTINCT FROM c.complaints OR k.last IS DISTINCT FROM c.highest;
