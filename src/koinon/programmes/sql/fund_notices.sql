-- The notices about a fund that were given, newest first.
--
-- town_id integer, fund_id uuid
SELECT notice.what, notice.day, notice.told_at, notice.told_by, notice.purses, notice.minor
FROM programmes_fundnotice AS notice
INNER JOIN programmes_fund AS fund ON fund.id = notice.fund_id
WHERE fund.town_id = %(town_id)s AND fund.id = %(fund_id)s
ORDER BY notice.told_at DESC;
