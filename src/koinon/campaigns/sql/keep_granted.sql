-- Keep what campaigns have granted, and when the town was told that one is nearly spent.
--
-- town_id    integer
-- campaigns  jsonb  a list of (id, granted_minor, alerted_at) as they are now
UPDATE campaigns.campaign AS c
SET granted_minor = now.granted_minor, alerted_at = now.alerted_at
FROM jsonb_to_recordset(%(campaigns)s) AS now (id uuid, granted_minor bigint, alerted_at timestamptz)
WHERE c.town_id = %(town_id)s AND c.id = now.id;
