-- The funds of a town of which money was issued: what holds for it changes forward in time only.
--
-- town_id  integer
SELECT DISTINCT acc.fund AS id
FROM ledger.account AS acc
WHERE acc.town_id = %(town_id)s AND acc.kind IN ('escrow', 'purse') AND acc.fund IS NOT NULL AND acc.credits_posted > 0;
