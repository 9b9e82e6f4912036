-- What is issued out of a fund's budget or promised from it, in minor units: approved cycles, campaigns, rewards.
--
-- fund_id  uuid
--
-- Cycles count with what they were approved for. Whatever else was issued from the fund's reserve and not given back
-- counts as the books have it, by walking back over the reserve's movements; what expired does not come free again.
WITH RECURSIVE reserve AS (
    SELECT acc.town_id, acc.id, acc.last_seq
    FROM programmes_fund AS fund
    INNER JOIN ledger.account AS acc ON acc.town_id = fund.town_id AND acc.kind = 'reserve' AND acc.fund = fund.id
    WHERE fund.id = %(fund_id)s
), moved AS (
    SELECT reserve.town_id, reserve.id AS account, line.code, line.kind, line.reference, line.amount_minor,
           CASE WHEN line.debit_account = reserve.id THEN line.debit_prev ELSE line.credit_prev END AS prev
    FROM reserve
    INNER JOIN ledger.journal AS line ON line.town_id = reserve.town_id AND line.seq = reserve.last_seq
    UNION ALL
    SELECT moved.town_id, moved.account, line.code, line.kind, line.reference, line.amount_minor,
           CASE WHEN line.debit_account = moved.account THEN line.debit_prev ELSE line.credit_prev END
    FROM moved
    INNER JOIN ledger.journal AS line ON line.town_id = moved.town_id AND line.seq = moved.prev
)
SELECT (
    coalesce((
        SELECT sum(cycle.total_minor)
        FROM programmes_cycle AS cycle
        INNER JOIN programmes_programme AS programme ON programme.id = cycle.programme_id
        WHERE programme.fund_id = %(fund_id)s AND cycle.state IN ('approved', 'disbursing', 'disbursed')
    ), 0)
    + coalesce((
        SELECT sum(CASE WHEN (moved.code = 3) = (moved.kind NOT IN ('r', 'R')) THEN moved.amount_minor ELSE -moved.amount_minor END)
        FROM moved
        WHERE moved.code IN (3, 4) AND NOT starts_with(moved.reference, 'cycle:')
    ), 0)
)::bigint;
