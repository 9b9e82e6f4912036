-- Invariant: nobody is rewarded for more in a day, a month or an activity than the largest cap that held on the days it was for.
-- Returns whoever breaks it; an empty answer is a pass. Where on one of the days no cap held, there is none to keep.
WITH counted AS (
    SELECT c.town_id, c.activity_id, c.party, c.stream, c.day, c.rewarded_quantity, c.reward_minor
    FROM coproduction.contribution AS c
    WHERE c.state = 'verified'
),
limited AS (
    SELECT counted.*, said.stream AS cap_stream, said.period, held.most_quantity, held.most_minor
    FROM counted
    INNER JOIN (SELECT DISTINCT town_id, activity_id, stream, period FROM coproduction.cap) AS said
        ON
            said.town_id = counted.town_id AND said.activity_id = counted.activity_id
            AND said.stream IN ('', counted.stream)
    LEFT JOIN LATERAL (
        SELECT cap.most_quantity, cap.most_minor FROM coproduction.cap AS cap
        WHERE
            cap.town_id = said.town_id AND cap.activity_id = said.activity_id AND cap.stream = said.stream
            AND cap.period = said.period AND cap.from_day <= counted.day
        ORDER BY cap.from_day DESC
        LIMIT 1
    ) AS held ON TRUE
)
SELECT
    town_id, activity_id, party, cap_stream, period,
    CASE period WHEN 'day' THEN day::text WHEN 'month' THEN to_char(day, 'YYYY-MM') ELSE '' END AS within,
    sum(rewarded_quantity) AS quantity, max(most_quantity) AS most_quantity,
    sum(reward_minor) AS minor, max(most_minor) AS most_minor
FROM limited
GROUP BY 1, 2, 3, 4, 5, 6
HAVING
    (count(*) = count(most_quantity) AND sum(rewarded_quantity) > max(most_quantity))
    OR (count(*) = count(most_minor) AND sum(reward_minor) > max(most_minor));
