-- Keep what people have got from campaigns.
--
-- town_id  integer
-- persons  jsonb  a list of (campaign_id, person, granted_minor) as they are now
INSERT INTO campaigns.person (town_id, campaign_id, person, granted_minor)
SELECT %(town_id)s, now.campaign_id, now.person, now.granted_minor
FROM jsonb_to_recordset(%(persons)s) AS now (campaign_id uuid, person uuid, granted_minor bigint)
ON CONFLICT (town_id, campaign_id, person) DO UPDATE SET granted_minor = excluded.granted_minor;
