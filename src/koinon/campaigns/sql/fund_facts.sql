-- What matters of a fund for a campaign; locked, so that its budget is not promised twice.
--
-- town_id  integer
-- fund     uuid
--
-- One row, or none: whether programmes pay aid from it, its budget and last day.
SELECT
    fund.budget_minor, fund.last_day,
    EXISTS (SELECT FROM programmes_programme AS programme WHERE programme.fund_id = fund.id) AS pays_aid
FROM programmes_fund AS fund
WHERE fund.town_id = %(town_id)s AND fund.id = %(fund)s
FOR NO KEY UPDATE OF fund;
