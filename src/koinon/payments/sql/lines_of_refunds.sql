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
        INNER JOIN ledger.journal AS leg
            ON leg.town_id = head.town_id AND leg.seq >= head.seq AND leg.seq < head.seq + head.legs
        INNER JOIN ledger.target AS pointer ON pointer.town_id = leg.town_id AND pointer.target_seq = leg.seq
        INNER JOIN ledger.journal AS back ON back.town_id = pointer.town_id AND back.seq = pointer.seq
        WHERE named.leg = 0 AND head.kind IN ('t', 'c', 'C') AND back.kind IN ('r', 'R')
    )
) AS line;
