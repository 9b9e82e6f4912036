-- Vouchers of which the town covered a part, and of which the shop gave back more of the payment than came back to the town.
--
-- town_id  integer
-- payment  uuid     of one payment; null for all of them
--
-- One row (id uuid, fund_id uuid, paid_minor bigint, covered_minor bigint, returned_minor bigint, refunded_minor bigint).
-- The row by which a town's vouchers take turns is locked before.
SELECT v.id, v.fund_id, v.paid_minor, v.covered_minor, v.returned_minor, back.minor AS refunded_minor
FROM offline.voucher AS v
CROSS JOIN LATERAL (
    SELECT coalesce(sum(undo.amount_minor), 0)::bigint AS minor
    FROM payments.groups_of(v.town_id, ARRAY[v.payment_id]) AS named
    INNER JOIN ledger.journal AS head ON head.town_id = v.town_id AND head.seq = named.first_seq
    CROSS JOIN LATERAL generate_series(0, head.legs - 1) AS place (leg)
    INNER JOIN ledger.target AS pointer ON pointer.town_id = head.town_id AND pointer.target_seq = head.seq + place.leg
    INNER JOIN ledger.journal AS undo ON undo.town_id = pointer.town_id AND undo.seq = pointer.seq
    WHERE named.leg = 0 AND head.kind IN ('t', 'c', 'C') AND undo.kind IN ('r', 'R') AND undo.code = 6
) AS back
WHERE
    v.town_id = %(town_id)s AND v.covered_minor > v.returned_minor AND v.payment_id IS NOT NULL
    AND (%(payment)s::uuid IS NULL OR v.payment_id = %(payment)s)
    AND v.covered_minor::numeric * back.minor >= v.paid_minor::numeric * (v.returned_minor + 1)
ORDER BY v.id
FOR NO KEY UPDATE OF v;
