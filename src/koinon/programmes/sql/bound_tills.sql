-- Tills with money of a fund that may only be paid on, with the tills of the same holders for free money.
--
-- town_id integer, fund_id uuid
-- after   bigint   only accounts after this one
-- size    integer  how many at the most
SELECT
    acc.id AS account, acc.holder, acc.credits_posted - acc.debits_posted - acc.debits_held AS available_minor,
    acc.debits_posted
FROM ledger.account AS acc
WHERE
    acc.town_id = %(town_id)s AND acc.kind = 'till' AND acc.fund = %(fund_id)s AND acc.closed_at IS NULL
    AND acc.credits_posted - acc.debits_posted - acc.debits_held > 0
    AND acc.id > %(after)s
ORDER BY acc.id
LIMIT %(size)s;
