-- Invariant: what is summed up of a reserve until its mark is what the books say, walked from there to the beginning.
-- Returns the funds that break it; an empty answer is a pass.
WITH moved AS (
    SELECT
        mark.fund_id,
        sum(signed.minor) FILTER (WHERE line.code IN ('receive', 'withdraw')) AS received,
        -sum(signed.minor) FILTER (WHERE line.code IN ('issue', 'unissue')) AS issued,
        -sum(signed.minor) FILTER (
            WHERE line.code IN ('issue', 'unissue') AND NOT starts_with(line.reference, 'cycle:')
        ) AS apart,
        sum(signed.minor) FILTER (WHERE line.code = 'expire') AS swept
    FROM programmes_reservemark AS mark
    INNER JOIN programmes_fund AS fund ON fund.id = mark.fund_id
    INNER JOIN parties_town AS town ON town.id = fund.town_id
    INNER JOIN ledger.account AS reserve
        ON
            reserve.town_id = fund.town_id AND reserve.holder = town.party_id AND reserve.kind = 'reserve'
            AND reserve.fund = fund.id
    INNER JOIN ledger.transfer AS line
        ON
            line.town_id = fund.town_id AND line.seq <= mark.seq
            AND (line.debit_account = reserve.id OR line.credit_account = reserve.id)
    CROSS JOIN LATERAL (
        SELECT CASE WHEN line.debit_account = reserve.id THEN -line.amount_minor ELSE line.amount_minor END AS minor
    ) AS signed
    GROUP BY mark.fund_id
)
SELECT
    fund.town_id, fund.id AS fund, fund.code,
    mark.received_minor, moved.received, mark.issued_minor, moved.issued, mark.apart_minor, moved.apart,
    mark.swept_minor, moved.swept
FROM programmes_reservemark AS mark
INNER JOIN programmes_fund AS fund ON fund.id = mark.fund_id
LEFT JOIN moved ON moved.fund_id = mark.fund_id
WHERE
    (mark.received_minor, mark.issued_minor, mark.apart_minor, mark.swept_minor)
    <> (coalesce(moved.received, 0), coalesce(moved.issued, 0), coalesce(moved.apart, 0), coalesce(moved.swept, 0));
