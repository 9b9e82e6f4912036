-- What businesses redeemed in the period, by division of NACE (two digits), for weighing a survey of them.
--
-- town_id  integer
-- start    timestamptz  included
-- until    timestamptz  excluded
--
-- One row a division, net of undone redemptions; '' where a record names no sector. No lock.
SELECT
    coalesce(left(replace(o.sector, '.', ''), 2), '') AS division,
    sum(CASE WHEN t.kind NOT IN ('r', 'R') THEN t.amount_minor ELSE -t.amount_minor END)::bigint AS minor
FROM ledger.transfer AS t
INNER JOIN ledger.account AS a
    ON a.town_id = t.town_id
    AND a.id = CASE WHEN t.kind NOT IN ('r', 'R') THEN t.debit_account ELSE t.credit_account END
LEFT JOIN parties_organisation AS o ON o.party_id = a.holder
WHERE
    t.town_id = %(town_id)s
    AND t.code = 'redeem'
    AND t.effective_at >= %(start)s
    AND t.effective_at < %(until)s
GROUP BY 1
ORDER BY 1;
