-- Invariant: a refund gives back transfers of one payment, each once, and all refunds of a payment together at most what was paid.
-- Returns the refunds and payments that break it; an empty answer is a pass.
WITH given AS (
    SELECT
        back.town_id, back.seq - back.leg AS refund_seq, paid.seq AS paid_seq, paid.seq - paid.leg AS payment_seq,
        back.amount_minor AS back_minor
    FROM ledger.journal AS back
    INNER JOIN ledger.target AS aim ON aim.town_id = back.town_id AND aim.seq = back.seq
    INNER JOIN ledger.journal AS paid ON paid.town_id = aim.town_id AND paid.seq = aim.target_seq
    WHERE back.code = 6 AND back.kind IN ('r', 'R')
)
SELECT given.town_id, 'refund' AS what, given.refund_seq AS group_seq, count(DISTINCT given.payment_seq) AS payments, sum(given.back_minor) AS refunded_minor
FROM given
GROUP BY given.town_id, given.refund_seq
HAVING count(DISTINCT given.payment_seq) <> 1 OR count(DISTINCT given.paid_seq) <> count(*)
UNION ALL
SELECT given.town_id, 'payment', given.payment_seq, 1, sum(given.back_minor)
FROM given
GROUP BY given.town_id, given.payment_seq
HAVING sum(given.back_minor) > (
    SELECT sum(leg.amount_minor)
    FROM ledger.journal AS head
    CROSS JOIN LATERAL generate_series(0, head.legs - 1) AS place (leg)
    INNER JOIN ledger.journal AS leg ON leg.town_id = head.town_id AND leg.seq = head.seq + place.leg
    WHERE head.town_id = given.town_id AND head.seq = given.payment_seq AND leg.kind IN ('t', 'c', 'C')
);
