-- What a programme has granted, and its fund's budget and last day. Locks nothing.
--
-- town_id integer, programme_id uuid
SELECT strings.fund_id, strings.granted_minor, fund.last_day, fund.budget_minor
FROM coproduction.purse_strings AS strings
INNER JOIN programmes_fund AS fund ON fund.town_id = strings.town_id AND fund.id = strings.fund_id
WHERE strings.town_id = %(town_id)s AND strings.programme_id = %(programme_id)s;
