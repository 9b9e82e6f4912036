-- Purses of a fund from which something can be taken, in the order of accounts.
--
-- town_id integer, fund_id uuid
-- after   bigint   only accounts after this one
-- size    integer  how many at the most
SELECT
    id AS account,
    credits_posted - debits_posted - debits_held AS available_minor,
    debits_posted
FROM ledger.account
WHERE
    town_id = %(town_id)s
    AND kind = 'purse'
    AND fund = %(fund_id)s
    AND closed_at IS NULL
    AND credits_posted - debits_posted - debits_held > 0
    AND id > %(after)s
ORDER BY id
LIMIT %(size)s;
