-- Count what a fund grants for contributions, from nothing on. Touches no row where it is counted already.
--
-- town_id integer, fund_id uuid, programme_id uuid (of the programme that spends it)
INSERT INTO coproduction.purse_strings (town_id, programme_id, fund_id)
VALUES (%(town_id)s, %(programme_id)s, %(fund_id)s)
ON CONFLICT DO NOTHING;
