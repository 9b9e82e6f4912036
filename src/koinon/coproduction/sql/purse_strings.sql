-- What a programme has granted, and how much it may. Locks nothing.
--
-- town_id integer, programme_id uuid
--
-- budget_minor is the fund's, less what approved cycles and campaigns that share it issue; NULL where there is none.
SELECT
    strings.fund_id, strings.granted_minor, fund.last_day,
    (fund.budget_minor - (
        SELECT coalesce(sum(cycle.total_minor), 0)
        FROM programmes_cycle AS cycle
        INNER JOIN programmes_programme AS programme ON programme.id = cycle.programme_id
        WHERE programme.fund_id = fund.id AND cycle.state IN ('approved', 'disbursing', 'disbursed')
    ) - (
        SELECT coalesce(sum(CASE other.state WHEN 'running' THEN other.ceiling_minor ELSE other.granted_minor END), 0)
        FROM campaigns.campaign AS other
        WHERE other.town_id = fund.town_id AND other.fund_id = fund.id AND other.state IN ('running', 'ended')
    ))::bigint AS budget_minor
FROM coproduction.purse_strings AS strings
INNER JOIN programmes_fund AS fund ON fund.town_id = strings.town_id AND fund.id = strings.fund_id
WHERE strings.town_id = %(town_id)s AND strings.programme_id = %(programme_id)s;
