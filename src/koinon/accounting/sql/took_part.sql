-- How many enterprises were paid and how many parties paid between two instants, and in how many payments.
--
-- town_id integer, start timestamptz, until timestamptz (not included)
--
-- The town's own till is no enterprise; what it pays and is paid are payments.
SELECT
    count(DISTINCT credit.holder) FILTER (WHERE credit.kind = 'till' AND credit.holder IS DISTINCT FROM town.party_id) AS paid_enterprises,
    count(DISTINCT debit.holder) AS payers,
    count(*) FILTER (WHERE line.leg = 0) AS payments
FROM ledger.journal AS line
INNER JOIN parties_town AS town ON town.id = line.town_id
INNER JOIN ledger.account AS debit ON debit.town_id = line.town_id AND debit.id = line.debit_account
INNER JOIN ledger.account AS credit ON credit.town_id = line.town_id AND credit.id = line.credit_account
WHERE
    line.town_id = %(town_id)s AND line.code = 6 AND line.kind IN ('t', 'c', 'C')
    AND line.effective_at >= %(start)s AND line.effective_at < %(until)s;
