-- The transfers of a payment, with what was given back of each.
--
-- town_id integer, payment_id uuid
SELECT
    leg.id AS transfer_id,
    payer.fund,
    coalesce(fund.name, '') AS fund_name,
    leg.amount_minor,
    (
        SELECT coalesce(sum(back.amount_minor), 0)::bigint
        FROM ledger.transfer AS back
        WHERE back.town_id = leg.town_id AND back.reverses = leg.id
    ) AS refunded_minor
FROM ledger.transfer AS leg
INNER JOIN ledger.account AS payer ON payer.town_id = leg.town_id AND payer.id = leg.debit_account
LEFT JOIN programmes_fund AS fund ON fund.id = payer.fund
WHERE leg.town_id = %(town_id)s AND leg.group_id = %(payment_id)s
ORDER BY leg.id;
