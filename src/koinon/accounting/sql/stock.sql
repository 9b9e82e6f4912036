-- What stood in each kind of account just before an instant, by fund, in minor units.
--
-- town_id integer, until timestamptz (not included)
SELECT placed.place, placed.fund, sum(placed.minor)::bigint AS minor
FROM (
    SELECT
        CASE WHEN acc.kind = 'till' AND acc.holder = town.party_id THEN 'town-till' ELSE acc.kind END AS place,
        coalesce(fund.code, '') AS fund, acc.credits_posted - acc.debits_posted - coalesce(since.minor, 0) AS minor
    FROM ledger.account AS acc
    INNER JOIN parties_town AS town ON town.id = acc.town_id
    LEFT JOIN programmes_fund AS fund ON fund.id = acc.fund
    LEFT JOIN (
        SELECT side.account, sum(side.minor) AS minor
        FROM ledger.journal AS line
        CROSS JOIN LATERAL (
            VALUES (line.debit_account, -line.amount_minor), (line.credit_account, line.amount_minor::bigint)
        ) AS side (account, minor)
        WHERE line.town_id = %(town_id)s AND line.kind NOT IN ('h', 'g') AND line.effective_at >= %(until)s
        GROUP BY side.account
    ) AS since ON since.account = acc.id
    WHERE acc.town_id = %(town_id)s AND acc.kind <> 'member'
) AS placed
GROUP BY placed.place, placed.fund
HAVING sum(placed.minor) <> 0
ORDER BY placed.place, placed.fund;
