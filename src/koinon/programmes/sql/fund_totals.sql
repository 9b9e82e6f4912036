-- Where the units of some funds are, in minor units; one row for each fund of the town.
--
-- town_id integer, fund_ids uuid[]
--
-- What left a reserve and came back to it is read by walking the reserve's own rows, from its newest one back to the mark up to
-- which mark_reserves.sql has summed them up.
WITH lying AS (
    SELECT
        acc.fund,
        sum(acc.credits_posted - acc.debits_posted) FILTER (WHERE acc.kind = 'escrow') AS waiting_minor,
        sum(acc.credits_posted - acc.debits_posted - acc.debits_held) FILTER (WHERE acc.kind = 'purse') AS left_minor,
        sum(acc.debits_held) FILTER (WHERE acc.kind = 'purse') AS held_minor,
        sum(acc.credits_posted - acc.debits_posted) FILTER (WHERE acc.kind = 'till') AS bound_minor,
        count(*) FILTER (WHERE acc.kind = 'purse' AND acc.credits_posted > acc.debits_posted) AS purses
    FROM ledger.account AS acc
    WHERE acc.town_id = %(town_id)s AND acc.fund = ANY(%(fund_ids)s::uuid[])
    GROUP BY acc.fund
)
SELECT
    fund.id AS fund_id,
    coalesce(moved.received, 0)::bigint AS received_minor,
    coalesce(moved.minor, 0)::bigint AS reserve_minor,
    coalesce(moved.issued, 0)::bigint AS issued_minor,
    coalesce(lying.waiting_minor, 0)::bigint AS waiting_minor,
    coalesce(lying.left_minor, 0)::bigint AS left_minor,
    coalesce(lying.held_minor, 0)::bigint AS held_minor,
    coalesce(moved.swept, 0)::bigint AS swept_minor,
    coalesce(lying.bound_minor, 0)::bigint AS bound_minor,
    coalesce(lying.purses, 0)::integer AS purses
FROM programmes_fund AS fund
LEFT JOIN programmes_reserve_moved(%(town_id)s, %(fund_ids)s::uuid[]) AS moved ON moved.fund = fund.id
LEFT JOIN lying ON lying.fund = fund.id
WHERE fund.town_id = %(town_id)s AND fund.id = ANY(%(fund_ids)s::uuid[]);
