-- The programmes of a town: all of them, or the one with this id or code.
--
-- town_id integer, programme_id uuid or null, code text or null
SELECT
    id, town_id, code, name, kind, fund_id, share_numerator, share_denominator,
    floor_monthly_minor, rule::text AS rule_json, for_whom, amounts::text AS amounts_json,
    waiting::text AS waiting_json, approvals::text AS approvals_json, holds_duplicates
FROM programmes_programme
WHERE
    town_id = %(town_id)s
    AND (%(programme_id)s::uuid IS NULL OR id = %(programme_id)s::uuid)
    AND (%(code)s::text IS NULL OR code = %(code)s::text)
ORDER BY code;
