-- A shop's shifts, the newest first, with what was charged and given back in each; or only one of them.
--
-- town_id integer, payee uuid, id uuid or null, most integer
SELECT
    s.id, s.cashier, s.opened_at, s.closed_at, sold.sales, sold.sold_minor, back.refunds, back.refunded_minor
FROM payments.shift AS s
CROSS JOIN LATERAL (
    SELECT count(*)::integer AS sales, coalesce(sum(c.amount_minor), 0)::bigint AS sold_minor
    FROM payments.charge AS c
    WHERE c.town_id = s.town_id AND c.shift = s.id AND c.payment IS NOT NULL
) AS sold
CROSS JOIN LATERAL (
    SELECT count(*)::integer AS refunds, coalesce(sum(g.amount_minor), 0)::bigint AS refunded_minor
    FROM payments.given_back AS g
    WHERE g.town_id = s.town_id AND g.shift = s.id
) AS back
WHERE s.town_id = %(town_id)s AND s.payee = %(payee)s AND (%(id)s::uuid IS NULL OR s.id = %(id)s::uuid)
ORDER BY s.opened_at DESC, s.id DESC
LIMIT %(most)s;
