-- What was recorded of each fund, the record in force on a day first, then earlier and later ones.
--
-- town_id integer, day date
--
-- One row for each fund, with the record in force or none.
SELECT fund.id AS fund, fund.code, fund.name, record.from_day, record.convertible_by, record.limited_to, record.source
FROM programmes_fund AS fund
LEFT JOIN LATERAL (
    SELECT kept.from_day, kept.convertible_by, kept.limited_to, kept.source
    FROM accounting.fund_record AS kept
    WHERE kept.town_id = fund.town_id AND kept.fund = fund.id AND kept.from_day <= %(day)s
    ORDER BY kept.from_day DESC
    LIMIT 1
) AS record ON TRUE
WHERE fund.town_id = %(town_id)s
ORDER BY fund.code;
