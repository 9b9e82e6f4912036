-- Invariant: of every bonus on a purchase, what refunds undid is in proportion to what they gave back of the price, what stays
-- being rounded down.
-- Returns the bonuses that break it; an empty answer is a pass.
SELECT
    b.town_id, b.id AS bonus_id, b.source, b.amount_minor, b.due_back_minor, paid.minor AS paid_minor,
    coalesce(back.minor, 0) AS refunded_minor
FROM campaigns.bonus AS b
INNER JOIN campaigns.campaign AS c ON c.town_id = b.town_id AND c.id = b.campaign_id
LEFT JOIN ledger.journal AS head ON head.town_id = b.town_id AND head.id = b.source
LEFT JOIN LATERAL (
    SELECT sum(leg.amount_minor) AS minor
    FROM ledger.journal AS leg
    WHERE
        leg.town_id = head.town_id AND leg.seq BETWEEN head.seq AND head.seq + head.legs - 1
        AND leg.kind IN ('t', 'c', 'C')
) AS paid ON TRUE
LEFT JOIN LATERAL (
    SELECT sum(undo.amount_minor) AS minor
    FROM ledger.target AS aim
    INNER JOIN ledger.journal AS undo ON undo.town_id = aim.town_id AND undo.seq = aim.seq
    WHERE
        aim.town_id = head.town_id AND aim.target_seq BETWEEN head.seq AND head.seq + head.legs - 1
        AND undo.kind IN ('r', 'R')
) AS back ON TRUE
WHERE
    c.trigger = 'purchase'
    AND (
        paid.minor IS DISTINCT FROM b.paid_minor
        OR b.due_back_minor
        <> b.amount_minor - div(b.amount_minor * (paid.minor - coalesce(back.minor, 0)), paid.minor)
    );
