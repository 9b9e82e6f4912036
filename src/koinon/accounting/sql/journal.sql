-- The books of a period in double entry, in order; one row for each transfer or, by_day, for each day and pair of accounts.
--
-- town_id integer, zone text (IANA), start timestamptz, until timestamptz (not included), by_day boolean
--
-- place is the kind of account, ``town-till`` for the town's own; fund is the fund's code or empty. A member's account of
-- a time bank is not money and stays out. No holder is told.
--
-- The books take any day (docs/decisions/0036), so a row of the period may stand in any month of them: ledger.journal_by_day
-- tells where, as for the balances that must agree with this (stock.sql).
WITH line AS (
    SELECT
        (moved.effective_at AT TIME ZONE %(zone)s::text)::date AS day, moved.seq, moved.code, moved.kind,
        moved.debit_account, moved.credit_account, moved.amount_minor, moved.reference
    FROM ledger.journal AS moved
    WHERE
        moved.town_id = %(town_id)s AND moved.kind NOT IN ('h', 'g') AND moved.code <> 15
        AND moved.effective_at >= %(start)s AND moved.effective_at < %(until)s
), placed AS (
    SELECT
        line.day, line.seq, line.reference, line.amount_minor, code.name AS code, line.kind IN ('r', 'R') AS is_reversal,
        CASE WHEN debit.kind = 'till' AND debit.holder = town.party_id THEN 'town-till' ELSE debit.kind END AS debit_place,
        CASE WHEN credit.kind = 'till' AND credit.holder = town.party_id THEN 'town-till' ELSE credit.kind END AS credit_place,
        coalesce(debit_fund.code, '') AS debit_fund, coalesce(credit_fund.code, '') AS credit_fund
    FROM line
    INNER JOIN parties_town AS town ON town.id = %(town_id)s
    INNER JOIN ledger.code AS code ON code.number = line.code
    INNER JOIN ledger.account AS debit ON debit.town_id = %(town_id)s AND debit.id = line.debit_account
    INNER JOIN ledger.account AS credit ON credit.town_id = %(town_id)s AND credit.id = line.credit_account
    LEFT JOIN programmes_fund AS debit_fund ON debit_fund.id = debit.fund
    LEFT JOIN programmes_fund AS credit_fund ON credit_fund.id = credit.fund
)
SELECT
    day, min(seq) AS seq, code, is_reversal, debit_place, debit_fund, credit_place, credit_fund,
    sum(amount_minor)::bigint AS amount_minor, count(*) AS transfers,
    CASE WHEN count(*) = 1 THEN min(reference) ELSE '' END AS reference
FROM placed
GROUP BY
    day, code, is_reversal, debit_place, debit_fund, credit_place, credit_fund, CASE WHEN %(by_day)s THEN 0 ELSE seq END
ORDER BY day, seq;
