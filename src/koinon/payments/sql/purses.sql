-- A payer's open purses, or its till, with the rule and days of their funds and what they paid on a local day.
--
-- town_id integer, payer uuid, at timestamptz
--
-- Empty purses too. Locks nothing: koinon.payments.operations.perform does, before it plans.
SELECT
    account.id AS account,
    account.credits_posted - account.debits_posted - account.debits_held AS available_minor,
    account.fund,
    coalesce(fund.code, '') AS fund_code,
    coalesce(fund.name, '') AS fund_name,
    coalesce(fund.rule::text, '{}') AS rule_json,
    fund.spend_from,
    fund.last_day,
    CASE WHEN fund.rule ? 'per_day_minor' THEN coalesce((
        SELECT spent.minor
        FROM payments.spent_by_day(
            account.town_id, ARRAY[account.id], ARRAY[(%(at)s::timestamptz AT TIME ZONE town.time_zone)::date]
        ) AS spent
    ), 0) ELSE 0 END AS spent_today_minor
FROM ledger.account AS account
INNER JOIN parties_town AS town ON town.id = account.town_id
LEFT JOIN programmes_fund AS fund ON fund.id = account.fund
WHERE
    account.town_id = %(town_id)s
    AND account.holder = %(payer)s
    AND account.kind IN ('purse', 'till')
    AND account.unit = town.unit_code
    AND account.closed_at IS NULL;
