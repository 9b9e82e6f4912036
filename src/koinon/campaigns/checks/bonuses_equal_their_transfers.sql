-- Invariant: every bonus is one transfer of its amount from its campaign's escrow to a purse of its party in the campaign's
-- fund, what was taken back of it is the transfer's reversals, and no other bonus was ever posted.
-- Returns what breaks it; an empty answer is a pass.
WITH moved AS (
    SELECT
        t.town_id, coalesce(t.reverses, t.id) AS id,
        sum(t.amount_minor) FILTER (WHERE t.reverses IS NULL) AS granted_minor,
        coalesce(sum(t.amount_minor) FILTER (WHERE t.reverses IS NOT NULL), 0) AS undone_minor,
        min(t.reference) AS first_reference, max(t.reference) AS last_reference,
        min(t.debit_account) FILTER (WHERE t.reverses IS NULL) AS escrow,
        min(t.credit_account) FILTER (WHERE t.reverses IS NULL) AS purse
    FROM ledger.transfer AS t
    WHERE t.code = 'bonus'
    GROUP BY t.town_id, coalesce(t.reverses, t.id)
)

SELECT
    coalesce(b.town_id, moved.town_id) AS town_id, coalesce(b.id, moved.id) AS bonus_id, b.amount_minor,
    moved.granted_minor, b.undone_minor, moved.undone_minor AS reversed_minor
FROM campaigns.bonus AS b
INNER JOIN campaigns.campaign AS c ON c.town_id = b.town_id AND c.id = b.campaign_id
FULL JOIN moved ON moved.town_id = b.town_id AND moved.id = b.id
LEFT JOIN ledger.account AS escrow ON escrow.town_id = moved.town_id AND escrow.id = moved.escrow
LEFT JOIN ledger.account AS purse ON purse.town_id = moved.town_id AND purse.id = moved.purse
WHERE
    b.id IS NULL OR moved.id IS NULL
    OR b.amount_minor IS DISTINCT FROM moved.granted_minor OR b.undone_minor <> moved.undone_minor
    OR escrow.holder <> b.campaign_id OR purse.holder <> b.party OR purse.id <> b.purse
    OR escrow.fund IS DISTINCT FROM c.fund_id OR purse.fund IS DISTINCT FROM c.fund_id
    OR moved.first_reference <> 'campaign:' || b.campaign_id OR moved.last_reference <> 'campaign:' || b.campaign_id;
