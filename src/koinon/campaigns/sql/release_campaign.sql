-- A second person has released the money of a campaign: it runs.
--
-- town_id, campaign, at, actor
UPDATE campaigns.campaign
SET state = 'running', approved_by = %(actor)s, approved_at = %(at)s
WHERE town_id = %(town_id)s AND id = %(campaign)s;
