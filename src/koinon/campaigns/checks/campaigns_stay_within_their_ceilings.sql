-- Invariant: a campaign has granted, net of what was taken back, what its bonuses say and at most its ceiling, which was issued
-- from its fund's reserve once; what its escrow holds is the rest that has not gone back.
-- Returns the campaigns that break it; an empty answer is a pass.
WITH given AS (
    SELECT b.town_id, b.campaign_id, sum(b.amount_minor - b.undone_minor) AS net_minor
    FROM campaigns.bonus AS b
    GROUP BY b.town_id, b.campaign_id
),

moved AS (
    SELECT
        t.town_id, t.reference,
        sum(t.amount_minor) FILTER (WHERE t.code = 'issue') AS issued_minor,
        count(*) FILTER (WHERE t.code = 'issue') AS issues,
        sum(t.amount_minor) FILTER (WHERE t.code = 'unissue') AS returned_minor,
        bool_or(t.reverses IS NOT NULL OR debit.fund IS DISTINCT FROM credit.fund) AS is_odd
    FROM ledger.transfer AS t
    INNER JOIN ledger.account AS debit ON debit.town_id = t.town_id AND debit.id = t.debit_account
    INNER JOIN ledger.account AS credit ON credit.town_id = t.town_id AND credit.id = t.credit_account
    WHERE t.code IN ('issue', 'unissue') AND starts_with(t.reference, 'campaign:')
    GROUP BY t.town_id, t.reference
),

escrow AS (
    SELECT acc.town_id, acc.holder, sum(acc.credits_posted - acc.debits_posted) AS balance_minor
    FROM ledger.account AS acc
    WHERE acc.kind = 'escrow'
    GROUP BY acc.town_id, acc.holder
)

SELECT
    coalesce(c.town_id, moved.town_id) AS town_id, c.id AS campaign_id, moved.reference, c.state, c.ceiling_minor,
    c.granted_minor, given.net_minor, moved.issued_minor, moved.returned_minor, escrow.balance_minor
FROM campaigns.campaign AS c
LEFT JOIN given ON given.town_id = c.town_id AND given.campaign_id = c.id
LEFT JOIN escrow ON escrow.town_id = c.town_id AND escrow.holder = c.id
FULL JOIN moved ON moved.town_id = c.town_id AND moved.reference = 'campaign:' || c.id
WHERE
    c.id IS NULL
    OR c.granted_minor <> coalesce(given.net_minor, 0)
    OR c.granted_minor > c.ceiling_minor
    OR coalesce(moved.is_odd, FALSE)
    OR coalesce(moved.issued_minor, 0) <> CASE WHEN c.state IN ('running', 'ended') THEN c.ceiling_minor ELSE 0 END
    OR coalesce(moved.issues, 0) > 1
    OR (c.state <> 'ended' AND coalesce(moved.returned_minor, 0) <> 0)
    OR coalesce(escrow.balance_minor, 0)
    <> coalesce(moved.issued_minor, 0) - coalesce(moved.returned_minor, 0) - c.granted_minor;
