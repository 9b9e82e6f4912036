-- What is issued out of a fund's budget or promised from it, in minor units: approved cycles, campaigns, rewards.
--
-- fund_id uuid
--
-- Cycles count with what they were approved for. Whatever else was issued from the fund's reserve and not given back
-- counts as the books have it, by walking back over the reserve's movements to the mark up to which mark_reserves.sql has
-- summed them up; what expired does not come free again.
SELECT (
    coalesce((
        SELECT sum(cycle.total_minor)
        FROM programmes_cycle AS cycle
        INNER JOIN programmes_programme AS programme ON programme.id = cycle.programme_id
        WHERE programme.fund_id = %(fund_id)s AND cycle.state IN ('approved', 'disbursing', 'disbursed')
    ), 0)
    + coalesce((
        SELECT moved.apart
        FROM programmes_fund AS fund
        CROSS JOIN LATERAL programmes_reserve_moved(fund.town_id, ARRAY[fund.id]) AS moved
        WHERE fund.id = %(fund_id)s
    ), 0)
)::bigint;
