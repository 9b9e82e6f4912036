-- What matters of a fund for a campaign; locked, so that its budget is not promised twice.
--
-- town_id  integer
-- fund     uuid
--
-- One row, or none: whether programmes pay aid from it, what approved months and released campaigns issue from it together,
-- its budget and last day.
SELECT
    fund.budget_minor, fund.last_day,
    EXISTS (SELECT FROM programmes_programme AS programme WHERE programme.fund_id = fund.id) AS pays_aid,
    (
        coalesce((
            SELECT sum(cycle.total_minor) FROM programmes_cycle AS cycle
            INNER JOIN programmes_programme AS programme ON programme.id = cycle.programme_id
            WHERE programme.fund_id = fund.id AND cycle.state IN ('approved', 'disbursing', 'disbursed')
        ), 0)
        + coalesce((
            SELECT sum(CASE other.state WHEN 'running' THEN other.ceiling_minor ELSE other.granted_minor END)
            FROM campaigns.campaign AS other
            WHERE other.town_id = fund.town_id AND other.fund_id = fund.id AND other.state IN ('running', 'ended')
        ), 0)
    )::bigint AS committed_minor
FROM programmes_fund AS fund
WHERE fund.town_id = %(town_id)s AND fund.id = %(fund)s
FOR NO KEY UPDATE OF fund;
