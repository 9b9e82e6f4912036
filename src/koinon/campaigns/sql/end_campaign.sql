-- End a campaign that runs, or cancel one that never did.
--
-- town_id, campaign, state, at, actor, reason
UPDATE campaigns.campaign
SET state = %(state)s, ended_by = %(actor)s, ended_at = %(at)s, reason = %(reason)s
WHERE town_id = %(town_id)s AND id = %(campaign)s;
