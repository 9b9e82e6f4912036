-- What some of a payer's purses paid on the local day of an instant, refunds taken off.
--
-- town_id integer, payer uuid, accounts bigint[], at timestamptz
--
-- The day is that of the payment: a refund frees the day on which was paid.
WITH today AS (
    SELECT
        (date_trunc('day', %(at)s::timestamptz AT TIME ZONE time_zone)) AT TIME ZONE time_zone AS start_at,
        (date_trunc('day', %(at)s::timestamptz AT TIME ZONE time_zone) + interval '1 day')
        AT TIME ZONE time_zone AS end_at
    FROM parties_town
    WHERE id = %(town_id)s
)
SELECT leg.debit_account AS account, (sum(leg.amount_minor) - sum(coalesce(back.minor, 0)))::bigint AS minor
FROM payments.payment AS payment
INNER JOIN today ON payment.effective_at >= today.start_at AND payment.effective_at < today.end_at
INNER JOIN ledger.transfer AS leg ON leg.town_id = payment.town_id AND leg.group_id = payment.id
LEFT JOIN LATERAL (
    SELECT sum(given.amount_minor) AS minor
    FROM ledger.transfer AS given
    WHERE given.town_id = leg.town_id AND given.reverses = leg.id
) AS back ON TRUE
WHERE
    payment.town_id = %(town_id)s
    AND payment.payer = %(payer)s
    AND leg.debit_account = ANY(%(accounts)s::bigint[])
GROUP BY leg.debit_account;
