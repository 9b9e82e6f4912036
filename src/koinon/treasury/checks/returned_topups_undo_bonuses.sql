-- Invariant: of every bonus on a top-up, what was undone is in proportion to what went back of the top-up, what stays being
-- rounded down.
-- Returns the bonuses that break it; an empty answer is a pass.
SELECT
    b.town_id, b.id AS bonus_id, topup.id AS topup_id, b.amount_minor, b.due_back_minor, topup.received_minor,
    coalesce(back.minor, 0) AS returned_minor
FROM campaigns.bonus AS b
INNER JOIN campaigns.campaign AS c ON c.town_id = b.town_id AND c.id = b.campaign_id
LEFT JOIN treasury.topup AS topup ON topup.town_id = b.town_id AND topup.id = b.source
LEFT JOIN LATERAL (
    SELECT sum(r.amount_minor) AS minor FROM treasury.topup_return AS r
    WHERE r.town_id = topup.town_id AND r.topup_id = topup.id
) AS back ON TRUE
WHERE
    c.trigger = 'topup'
    AND (
        topup.received_minor IS DISTINCT FROM b.paid_minor
        OR b.due_back_minor
        <> b.amount_minor - div(b.amount_minor * (b.paid_minor - coalesce(back.minor, 0)), b.paid_minor)
    );
