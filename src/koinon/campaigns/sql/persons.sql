-- What some people have got from the locked campaigns.
--
-- town_id    integer
-- campaigns  uuid[]
-- persons    uuid[]
SELECT p.campaign_id, p.person, p.granted_minor
FROM campaigns.person AS p
WHERE p.town_id = %(town_id)s AND p.campaign_id = ANY(%(campaigns)s::uuid []) AND p.person = ANY(%(persons)s::uuid []);
