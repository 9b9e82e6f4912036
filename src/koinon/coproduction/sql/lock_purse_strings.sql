-- Lock what a programme has granted, until the transaction ends, and say what its fund's budget and last day are.
--
-- town_id integer, programme_id uuid
--
-- The fund is locked before. Locked before activities, contributions and the books, so that two who grant at once take turns.
SELECT strings.fund_id, strings.granted_minor, fund.last_day, fund.budget_minor
FROM coproduction.purse_strings AS strings
INNER JOIN programmes_fund AS fund ON fund.town_id = strings.town_id AND fund.id = strings.fund_id
WHERE strings.town_id = %(town_id)s AND strings.programme_id = %(programme_id)s
FOR NO KEY UPDATE OF strings;
