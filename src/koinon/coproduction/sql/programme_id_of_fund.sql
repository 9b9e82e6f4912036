-- The co-production programme of a fund.
--
-- town_id integer, fund_id uuid
SELECT programme_id FROM coproduction.purse_strings
WHERE town_id = %(town_id)s AND fund_id = %(fund_id)s;
