-- The programmes of a town that its folder lists; those that reward contributions come with their activities.
--
-- town_id integer
SELECT id, code, name, fund_id, share_numerator, share_denominator, floor_monthly_minor, rule::text AS rule,
    for_whom, amounts::text AS amounts, waiting::text AS waiting, holds_duplicates, approvals::text AS approvals
FROM programmes_programme
WHERE town_id = %(town_id)s AND kind <> 'coproduction';
