-- The programme that spends a fund on contributions, made with its first reward.
--
-- town_id integer, fund_id uuid, programme_id uuid
--
-- Its row in coproduction.purse_strings is locked: two at once make one. It has the fund's code, where no other has it.
INSERT INTO programmes_programme (
    id, town_id, code, name, kind, fund_id, share_numerator, share_denominator, floor_monthly_minor, rule
)
SELECT
    %(programme_id)s, fund.town_id,
    CASE
        WHEN EXISTS (
            SELECT FROM programmes_programme AS other WHERE other.town_id = fund.town_id AND other.code = fund.code
        ) THEN left(fund.code, 36) || '-coproduction' ELSE fund.code
    END,
    fund.name, 'coproduction', fund.id, 1, 1, 0, '{}'
FROM programmes_fund AS fund
WHERE fund.town_id = %(town_id)s AND fund.id = %(fund_id)s
ON CONFLICT DO NOTHING;
