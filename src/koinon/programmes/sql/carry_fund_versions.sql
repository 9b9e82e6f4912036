-- Let payments read the versions of a fund that were not withdrawn: with them its own row says all that holds.
--
-- fund_id uuid
UPDATE programmes_fund AS fund SET later = (
    SELECT
        coalesce(
            jsonb_agg(jsonb_build_array(version.from_day, version.rule, version.last_day) ORDER BY version.from_day), '[]'
        )
    FROM programmes_fundversion AS version
    WHERE version.fund_id = fund.id AND version.withdrawn_at IS NULL
)
WHERE fund.id = %(fund_id)s;
