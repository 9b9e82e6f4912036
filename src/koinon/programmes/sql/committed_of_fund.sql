-- What is issued out of a fund's budget or promised from it, in minor units: approved cycles, campaigns, rewards.
--
-- fund_id uuid
--
-- Cycles count with what they were approved for. Whatever else was issued from the fund's reserve and not given back
-- counts as the books have it, by walking back over the reserve's movements to the mark up to which mark_reserves.sql has
-- summed them up; what expired does not come free again.
WITH RECURSIVE reserve AS (
    SELECT
        acc.town_id, acc.id, acc.fund, acc.last_seq, acc.credits_posted - acc.debits_posted AS minor, coalesce(mark.seq, 0) AS seq,
        coalesce(mark.received_minor, 0) AS received, coalesce(mark.issued_minor, 0) AS issued,
        coalesce(mark.apart_minor, 0) AS apart, coalesce(mark.swept_minor, 0) AS swept
    FROM programmes_fund AS fund
    INNER JOIN ledger.account AS acc ON acc.town_id = fund.town_id AND acc.fund = fund.id
    INNER JOIN parties_town AS town ON town.id = acc.town_id AND town.party_id = acc.holder
    LEFT JOIN programmes_reservemark AS mark ON mark.fund_id = acc.fund
    WHERE acc.kind = 'reserve' AND fund.id = %(fund_id)s
), walked AS (
    SELECT
        reserve.town_id, reserve.id AS reserve, reserve.fund, reserve.seq AS until, line.code, line.reference,
        CASE WHEN line.debit_account = reserve.id THEN -line.amount_minor ELSE line.amount_minor END AS minor,
        CASE WHEN line.debit_account = reserve.id THEN line.debit_prev ELSE line.credit_prev END AS prev
    FROM reserve
    INNER JOIN ledger.journal AS line ON line.town_id = reserve.town_id AND line.seq = reserve.last_seq
    WHERE reserve.last_seq > reserve.seq
    UNION ALL
    SELECT
        walked.town_id, walked.reserve, walked.fund, walked.until, line.code, line.reference,
        CASE WHEN line.debit_account = walked.reserve THEN -line.amount_minor ELSE line.amount_minor END,
        CASE WHEN line.debit_account = walked.reserve THEN line.debit_prev ELSE line.credit_prev END
    FROM walked
    INNER JOIN ledger.journal AS line ON line.town_id = walked.town_id AND line.seq = walked.prev
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
)
SELECT (
    coalesce((
        SELECT sum(cycle.total_minor)
        FROM programmes_cycle AS cycle
        INNER JOIN programmes_programme AS programme ON programme.id = cycle.programme_id
        WHERE programme.fund_id = %(fund_id)s AND cycle.state IN ('approved', 'disbursing', 'disbursed')
    ), 0)
    + coalesce((SELECT moved.apart FROM moved), 0)
)::bigint;
