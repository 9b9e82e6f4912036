-- The transfers of a payment in the order they were planned, with what was given back of each.
--
-- town_id integer, payment_id uuid
SELECT line.id AS transfer_id, line.fund, coalesce(fund.name, '') AS fund_name, line.amount_minor, line.reversed_minor AS refunded_minor
FROM payments.groups_of(%(town_id)s::integer, ARRAY[%(payment_id)s::uuid]) AS named
CROSS JOIN LATERAL payments.lines(%(town_id)s::integer, ARRAY[named.first_seq]) AS line
LEFT JOIN programmes_fund AS fund ON fund.id = line.fund
WHERE named.leg = 0 AND line.kind IN ('t', 'c', 'C')
ORDER BY line.seq;
