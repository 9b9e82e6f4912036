-- Make a submitted campaign a draft again, with the reason.
--
-- town_id, campaign, reason
UPDATE campaigns.campaign
SET state = 'draft', submitted_by = NULL, submitted_at = NULL, reason = %(reason)s
WHERE town_id = %(town_id)s AND id = %(campaign)s;
