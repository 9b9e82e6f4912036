-- The rows of the refunds of a payment, oldest first.
--
-- town_id integer, payment_id uuid
SELECT line.*
FROM payments.lines(
    %(town_id)s::integer,
    (
        SELECT array_agg(DISTINCT back.seq - back.leg)
        FROM payments.groups_of(%(town_id)s::integer, ARRAY[%(payment_id)s::uuid]) AS named
        INNER JOIN ledger.journal AS head ON head.town_id = %(town_id)s AND head.seq = named.first_seq
        CROSS JOIN LATERAL generate_series(0, head.legs - 1) AS place (leg)
        INNER JOIN ledger.target AS pointer
            ON pointer.town_id = head.town_id AND pointer.target_seq = head.seq + place.leg
        INNER JOIN ledger.journal AS back ON back.town_id = pointer.town_id AND back.seq = pointer.seq
        WHERE named.leg = 0 AND head.kind IN ('t', 'c', 'C') AND back.kind IN ('r', 'R')
    )
) AS line;
