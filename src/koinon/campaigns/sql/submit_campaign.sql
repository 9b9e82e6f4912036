-- Hand a draft in for a second person.
--
-- town_id, campaign, at, actor
UPDATE campaigns.campaign
SET state = 'submitted', submitted_by = %(actor)s, submitted_at = %(at)s, reason = ''
WHERE town_id = %(town_id)s AND id = %(campaign)s;
