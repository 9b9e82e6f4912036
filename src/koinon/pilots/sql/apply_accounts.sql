-- Which accounts a town's books have.
--
-- town_id integer
SELECT kind, holder, fund FROM ledger.account WHERE town_id = %(town_id)s;
