-- A payer's open purses, or its till, with the rule and days of their funds.
--
-- town_id integer, payer uuid
--
-- Empty purses too. Locks nothing: the ledger decides when it posts.
SELECT
    account.id AS account,
    account.credits_posted - account.debits_posted - account.debits_held AS available_minor,
    account.fund,
    coalesce(fund.code, '') AS fund_code,
    coalesce(fund.name, '') AS fund_name,
    coalesce(fund.rule::text, '{}') AS rule_json,
    fund.spend_from,
    fund.last_day
FROM ledger.account AS account
LEFT JOIN programmes_fund AS fund ON fund.id = account.fund
WHERE
    account.town_id = %(town_id)s
    AND account.holder = %(payer)s
    AND account.kind IN ('purse', 'till')
    AND account.closed_at IS NULL;
