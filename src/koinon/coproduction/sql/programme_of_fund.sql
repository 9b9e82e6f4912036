-- The co-production programme of a fund, made where there is none, and what it has granted.
--
-- town_id integer, fund_id uuid, programme_id uuid (of a new one)
--
-- Inserts at most one row into each table; two at once make one.
WITH fund AS (
    SELECT fund.id, fund.code, fund.name FROM programmes_fund AS fund
    WHERE fund.town_id = %(town_id)s AND fund.id = %(fund_id)s
), free AS (
    SELECT fund.* FROM fund
    WHERE NOT EXISTS (
        SELECT FROM coproduction.purse_strings AS known WHERE known.town_id = %(town_id)s AND known.fund_id = fund.id
    )
), programme AS (
    INSERT INTO programmes_programme (
        id, town_id, code, name, kind, fund_id, share_numerator, share_denominator, floor_monthly_minor, rule
    )
    SELECT
        %(programme_id)s, %(town_id)s,
        CASE
            WHEN EXISTS (
                SELECT FROM programmes_programme AS other WHERE other.town_id = %(town_id)s AND other.code = free.code
            ) THEN left(free.code, 36) || '-coproduction' ELSE free.code
        END,
        free.name, 'coproduction', free.id, 1, 1, 0, '{}'
    FROM free
    ON CONFLICT DO NOTHING
)
INSERT INTO coproduction.purse_strings (town_id, programme_id, fund_id)
SELECT %(town_id)s, %(programme_id)s, free.id FROM free
ON CONFLICT DO NOTHING;
