-- Invariant: what programmes and activities say they have granted is what their contributions earned less what came back.
-- Returns the programmes and activities that break it; an empty answer is a pass. That it stays within the budget is decided under the row lock; a budget may be lowered later.
WITH earned AS (
    SELECT town_id, activity_id, sum(reward_minor - coalesce(CASE WHEN reward_minor > 0 THEN taken_back END, 0)) AS minor
    FROM coproduction.contribution
    WHERE verified_at IS NOT NULL
    GROUP BY town_id, activity_id
)
SELECT activity.town_id, 'activity' AS what, activity.id, activity.granted_minor, coalesce(earned.minor, 0) AS earned_minor
FROM coproduction.activity AS activity
LEFT JOIN earned ON earned.town_id = activity.town_id AND earned.activity_id = activity.id
WHERE activity.granted_minor <> coalesce(earned.minor, 0)
UNION ALL
SELECT strings.town_id, 'programme', strings.programme_id, strings.granted_minor, coalesce(sum(earned.minor), 0)
FROM coproduction.purse_strings AS strings
LEFT JOIN coproduction.activity AS activity
    ON activity.town_id = strings.town_id AND activity.programme_id = strings.programme_id
LEFT JOIN earned ON earned.town_id = activity.town_id AND earned.activity_id = activity.id
GROUP BY strings.town_id, strings.programme_id, strings.granted_minor
HAVING strings.granted_minor <> coalesce(sum(earned.minor), 0);
