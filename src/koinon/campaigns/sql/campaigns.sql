-- Campaigns of a town, newest first, or the one with this id or code.
--
-- town_id   integer
-- campaign  uuid or NULL
-- code      text or NULL
--
-- No lock.
SELECT
    c.id, c.town_id, c.code, c.name, c.fund_id, c.trigger, c.share_numerator, c.share_denominator, c.minimum_minor,
    c.person_most_minor, c.ceiling_minor, c.first_day, c.last_day, c.alert_percent::integer AS alert_percent,
    c.excluded_funds, c.shops::text AS shops_json, c.terms_url, c.state, c.granted_minor,
    coalesce(given.bonuses, 0) AS bonuses, coalesce(given.lost_minor, 0)::bigint AS lost_minor, c.alerted_at,
    c.drafted_by, c.drafted_at, c.submitted_by, c.submitted_at, c.approved_by, c.approved_at, c.ended_by, c.ended_at,
    c.reason
FROM campaigns.campaign AS c
LEFT JOIN LATERAL (
    SELECT count(*) AS bonuses, sum(b.due_back_minor - b.undone_minor) AS lost_minor
    FROM campaigns.bonus AS b
    WHERE b.town_id = c.town_id AND b.campaign_id = c.id
) AS given ON TRUE
WHERE
    c.town_id = %(town_id)s
    AND (%(campaign)s::uuid IS NULL OR c.id = %(campaign)s)
    AND (%(code)s::text IS NULL OR c.code = %(code)s)
ORDER BY c.first_day DESC, c.id DESC;
