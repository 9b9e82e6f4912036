-- Invariant: what payments read of a fund's later rules is what was announced and not withdrawn, in the order in which it begins to hold.
-- Returns the funds that break it; an empty answer is a pass.
SELECT fund.town_id, fund.id AS fund, fund.code, fund.later, known.versions
FROM programmes_fund AS fund
CROSS JOIN LATERAL (
    SELECT
        coalesce(
            jsonb_agg(jsonb_build_array(version.from_day, version.rule, version.last_day) ORDER BY version.from_day), '[]'
        ) AS versions
    FROM programmes_fundversion AS version
    WHERE version.fund_id = fund.id AND version.withdrawn_at IS NULL
) AS known
WHERE fund.later <> known.versions;
