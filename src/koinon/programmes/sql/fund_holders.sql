-- Who has money of a fund, and how much, held amounts with it.
--
-- town_id integer, fund_id uuid, kinds text[]  of accounts: purse, till
SELECT acc.holder AS party, acc.credits_posted - acc.debits_posted AS minor
FROM ledger.account AS acc
WHERE
    acc.town_id = %(town_id)s AND acc.kind = ANY(%(kinds)s::text[]) AND acc.fund = %(fund_id)s AND acc.closed_at IS NULL
    AND acc.credits_posted > acc.debits_posted
ORDER BY acc.id;
