-- The programmes of a town.
--
-- town_id integer
SELECT id, code, name, fund_id, share_numerator, share_denominator, floor_monthly_minor, rule::text AS rule
FROM programmes_programme
WHERE town_id = %(town_id)s;
