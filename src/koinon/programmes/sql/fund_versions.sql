-- The changes of a fund that were announced, in the order in which they begin; withdrawn ones too.
--
-- town_id integer, fund_id uuid
SELECT
    version.id, version.fund_id, version.from_day, version.rule::text AS rule_json, version.last_day, version.announced_at,
    version.announced_by, version.reason, version.withdrawn_at, version.withdrawn_by
FROM programmes_fundversion AS version
INNER JOIN programmes_fund AS fund ON fund.id = version.fund_id
WHERE fund.town_id = %(town_id)s AND fund.id = %(fund_id)s
ORDER BY version.from_day, version.announced_at;
