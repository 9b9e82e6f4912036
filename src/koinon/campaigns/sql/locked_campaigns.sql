-- What the locked campaigns promise and have granted.
--
-- town_id    integer
-- campaigns  uuid[]
--
-- One row for each, as in campaigns.sql but without counting bonuses.
SELECT
    c.id, c.town_id, c.code, c.name, c.fund_id, c.trigger, c.share_numerator, c.share_denominator, c.minimum_minor,
    c.person_most_minor, c.ceiling_minor, c.first_day, c.last_day, c.alert_percent::integer AS alert_percent,
    c.excluded_funds, c.shops::text AS shops_json, c.terms_url, c.state, c.granted_minor, 0 AS bonuses, 0 AS lost_minor,
    c.alerted_at, c.drafted_by, c.drafted_at, c.submitted_by, c.submitted_at, c.approved_by, c.approved_at, c.ended_by,
    c.ended_at, c.reason
FROM campaigns.campaign AS c
WHERE c.town_id = %(town_id)s AND c.id = ANY(%(campaigns)s::uuid [])
ORDER BY c.id;
