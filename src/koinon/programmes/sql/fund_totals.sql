-- Where the units of some funds are, in minor units; one row for each fund of the town.
--
-- town_id integer, fund_ids uuid[]
--
-- What left a reserve and came back to it is read by walking the reserve's own rows, from its newest one back to the mark up to
-- which mark_reserves.sql has summed them up.
WITH RECURSIVE reserve AS (
    SELECT
        acc.id, acc.fund, acc.last_seq, acc.credits_posted - acc.debits_posted AS minor, coalesce(mark.seq, 0) AS seq,
        coalesce(mark.received_minor, 0) AS received, coalesce(mark.issued_minor, 0) AS issued,
        coalesce(mark.apart_minor, 0) AS apart, coalesce(mark.swept_minor, 0) AS swept
    FROM ledger.account AS acc
    INNER JOIN parties_town AS town ON town.id = acc.town_id AND town.party_id = acc.holder
    LEFT JOIN programmes_reservemark AS mark ON mark.fund_id = acc.fund
    WHERE acc.town_id = %(town_id)s AND acc.kind = 'reserve' AND acc.fund = ANY(%(fund_ids)s::uuid[])
), walked AS (
    SELECT
        reserve.id AS reserve, reserve.fund, reserve.seq AS until, line.code, line.reference,
        CASE WHEN line.debit_account = reserve.id THEN -line.amount_minor ELSE line.amount_minor END AS minor,
        CASE WHEN line.debit_account = reserve.id THEN line.debit_prev ELSE line.credit_prev END AS prev
    FROM reserve
    INNER JOIN ledger.journal AS line ON line.town_id = %(town_id)s AND line.seq = reserve.last_seq
    WHERE reserve.last_seq > reserve.seq
    UNION ALL
    SELECT
        walked.reserve, walked.fund, walked.until, line.code, line.reference,
        CASE WHEN line.debit_account = walked.reserve THEN -line.amount_minor ELSE line.amount_minor END,
        CASE WHEN line.debit_account = walked.reserve THEN line.debit_prev ELSE line.credit_prev END
    FROM walked
    INNER JOIN ledger.journal AS line ON line.town_id = %(town_id)s AND line.seq = walked.prev
    WHERE walked.prev > walked.until
), moved AS (
    SELECT
        reserve.fund, reserve.last_seq, reserve.minor,
        reserve.received + coalesce(sum(walked.minor) FILTER (WHERE code.name IN ('receive', 'withdraw')), 0) AS received,
        reserve.issued - coalesce(sum(walked.minor) FILTER (WHERE code.name IN ('issue', 'unissue')), 0) AS issued,
        reserve.apart - coalesce(sum(walked.minor) FILTER (
            WHERE code.name IN ('issue', 'unissue') AND NOT starts_with(walked.reference, 'cycle:')
        ), 0) AS apart,
        reserve.swept + coalesce(sum(walked.minor) FILTER (WHERE code.name = 'expire'), 0) AS swept
    FROM reserve
    LEFT JOIN walked ON walked.reserve = reserve.id
    LEFT JOIN ledger.code AS code ON code.number = walked.code
    GROUP BY
        reserve.fund, reserve.last_seq, reserve.minor, reserve.received, reserve.issued, reserve.apart, reserve.swept
), lying AS (
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
LEFT JOIN moved ON moved.fund = fund.id
LEFT JOIN lying ON lying.fund = fund.id
WHERE fund.town_id = %(town_id)s AND fund.id = ANY(%(fund_ids)s::uuid[]);
