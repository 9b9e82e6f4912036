-- Invariant: a charge that was paid is a payment to its shop of its amount, and a refund at a till is one of the books.
-- Returns the charges and refunds that are not; an empty answer is a pass.
SELECT c.town_id, c.payment AS id, c.amount_minor, paid.minor AS in_the_books_minor
FROM payments.charge AS c
LEFT JOIN LATERAL (
    SELECT sum(line.amount_minor)::bigint AS minor
    FROM payments.groups_of(c.town_id, ARRAY[c.payment]) AS named
    CROSS JOIN LATERAL payments.lines(c.town_id, ARRAY[named.first_seq]) AS line
    WHERE line.credit_holder = c.payee
) AS paid ON TRUE
WHERE c.payment IS NOT NULL AND paid.minor IS DISTINCT FROM c.amount_minor;
