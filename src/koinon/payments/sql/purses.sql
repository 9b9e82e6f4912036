-- A payer's open purses, or its tills, with the rule and days of their funds and what they paid on a local day and in its month.
--
-- town_id integer, payer uuid, at timestamptz
--
-- ``later`` are the versions of the fund's rule that begin on later days than what its record says, as JSON. A till of a
-- fund holds what is bound to be paid on. Empty purses too. Locks nothing: koinon.payments.operations.perform does, before it plans.
SELECT
    account.id AS account,
    account.credits_posted - account.debits_posted - account.debits_held AS available_minor,
    account.fund,
    coalesce(fund.code, '') AS fund_code,
    coalesce(fund.name, '') AS fund_name,
    coalesce(fund.rule::text, '{}') AS rule_json,
    fund.spend_from,
    fund.last_day,
    fund.later::text AS later,
    account.kind = 'till' AND account.fund IS NOT NULL AS bound,
    coalesce(spent.today_minor, 0)::bigint AS spent_today_minor,
    coalesce(spent.cycle_minor, 0)::bigint AS spent_cycle_minor
FROM ledger.account AS account
INNER JOIN parties_town AS town ON town.id = account.town_id
LEFT JOIN programmes_fund AS fund ON fund.id = account.fund
LEFT JOIN LATERAL (SELECT (%(at)s::timestamptz AT TIME ZONE town.time_zone)::date AS today) AS local ON TRUE
LEFT JOIN LATERAL (
    SELECT sum(paid.minor) FILTER (WHERE paid.day = local.today) AS today_minor, sum(paid.minor) AS cycle_minor
    FROM payments.spent_by_day(
        account.town_id, ARRAY[account.id],
        ARRAY(
            SELECT one.day::date FROM generate_series(
                date_trunc('month', local.today::timestamp),
                date_trunc('month', local.today::timestamp) + interval '1 month - 1 day', interval '1 day'
            ) AS one (day)
        )
    ) AS paid
) AS spent ON account.kind = 'purse' AND (fund.rule::text || fund.later::text) ~ 'per_(day|cycle)_minor'
WHERE
    account.town_id = %(town_id)s
    AND account.holder = %(payer)s
    AND account.kind IN ('purse', 'till')
    AND account.unit = town.unit_code
    AND account.closed_at IS NULL;
