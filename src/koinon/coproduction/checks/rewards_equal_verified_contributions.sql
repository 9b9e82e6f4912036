-- Invariant: a verified contribution is one reward of its amount into its payee's purse or its member's account, what was undone gave back what it says, and nothing else was ever rewarded.
-- Returns the contributions and transfers that break it; an empty answer is a pass.
WITH moved AS (
    SELECT
        t.town_id, substr(t.reference, 10) AS contribution,
        sum(CASE WHEN t.code = 'issue' THEN t.amount_minor ELSE 0 END) AS issued,
        sum(CASE WHEN t.code = 'unissue' THEN t.amount_minor ELSE 0 END) AS unissued,
        sum(CASE WHEN t.code = 'reward' AND t.reverses IS NULL THEN t.amount_minor ELSE 0 END) AS rewarded,
        sum(CASE WHEN t.code = 'reward' AND t.reverses IS NOT NULL THEN t.amount_minor ELSE 0 END) AS reward_back,
        sum(CASE WHEN t.code = 'exchange' AND t.reverses IS NULL THEN t.amount_minor ELSE 0 END) AS credited,
        sum(CASE WHEN t.code = 'exchange' AND t.reverses IS NOT NULL THEN t.amount_minor ELSE 0 END) AS credit_back,
        count(*) FILTER (WHERE t.code IN ('reward', 'exchange') AND t.reverses IS NULL) AS rewards,
        min(credit.holder::text) FILTER (WHERE t.code IN ('reward', 'exchange') AND t.reverses IS NULL) AS holder
    FROM ledger.transfer AS t
    INNER JOIN ledger.account AS credit ON credit.town_id = t.town_id AND credit.id = t.credit_account
    WHERE t.code = 'reward' OR starts_with(t.reference, 'activity:')
    GROUP BY t.town_id, substr(t.reference, 10)
)
SELECT
    coalesce(c.town_id, moved.town_id) AS town_id, coalesce(c.id::text, moved.contribution) AS contribution, c.state,
    c.reward_minor, c.reward_minutes, c.taken_back, moved.issued, moved.rewarded, moved.credited, moved.reward_back,
    moved.credit_back
FROM (SELECT * FROM coproduction.contribution WHERE verified_at IS NOT NULL) AS c
FULL JOIN moved ON moved.town_id = c.town_id AND moved.contribution = c.id::text
LEFT JOIN coproduction.activity AS activity ON activity.town_id = c.town_id AND activity.id = c.activity_id
WHERE
    c.id IS NULL
    OR coalesce(moved.rewarded, 0) <> c.reward_minor
    OR coalesce(moved.issued, 0) <> c.reward_minor
    OR coalesce(moved.credited, 0) <> c.reward_minutes
    OR coalesce(moved.reward_back, 0) + coalesce(moved.credit_back, 0) <> coalesce(c.taken_back, 0)
    OR coalesce(moved.unissued, 0) <> coalesce(moved.reward_back, 0)
    OR coalesce(moved.rewards, 0) <> (c.reward_minor + c.reward_minutes > 0)::integer
    OR moved.holder <> CASE WHEN activity.bank_id IS NULL THEN c.payee ELSE c.party END::text
    OR (activity.programme_id IS NULL AND c.reward_minor > 0)
    OR (activity.bank_id IS NULL AND c.reward_minutes > 0);
