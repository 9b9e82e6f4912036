-- Change what a campaign promises, as long as it is a draft.
--
-- town_id, id, and the columns that say what it promises
UPDATE campaigns.campaign
SET
    name = %(name)s, fund_id = %(fund_id)s, trigger = %(trigger)s, share_numerator = %(share_numerator)s,
    share_denominator = %(share_denominator)s, minimum_minor = %(minimum_minor)s,
    person_most_minor = %(person_most_minor)s, ceiling_minor = %(ceiling_minor)s, first_day = %(first_day)s,
    last_day = %(last_day)s, alert_percent = %(alert_percent)s, excluded_funds = %(excluded_funds)s::uuid [],
    shops = %(shops)s::jsonb, terms_url = %(terms_url)s
WHERE town_id = %(town_id)s AND id = %(id)s AND state = 'draft';
