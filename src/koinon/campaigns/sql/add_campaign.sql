-- Keep a campaign that is drawn up, unless its code is taken.
--
-- The columns of campaigns.campaign that say what it promises, and drafted_by, drafted_at.
--
-- The row count is 1 when it is new, else 0.
INSERT INTO campaigns.campaign (
    town_id, id, code, name, fund_id, trigger, share_numerator, share_denominator, minimum_minor, person_most_minor,
    ceiling_minor, first_day, last_day, alert_percent, excluded_funds, shops, terms_url, drafted_by, drafted_at
)
VALUES (
    %(town_id)s, %(id)s, %(code)s, %(name)s, %(fund_id)s, %(trigger)s, %(share_numerator)s, %(share_denominator)s,
    %(minimum_minor)s, %(person_most_minor)s, %(ceiling_minor)s, %(first_day)s, %(last_day)s, %(alert_percent)s,
    %(excluded_funds)s::uuid [], %(shops)s::jsonb, %(terms_url)s, %(drafted_by)s, %(drafted_at)s
)
ON CONFLICT DO NOTHING;
