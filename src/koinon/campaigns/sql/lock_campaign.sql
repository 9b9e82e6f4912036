-- Lock one campaign until the transaction ends.
--
-- town_id   integer
-- campaign  uuid
--
-- One row (id uuid), or none. Campaigns are locked before any account.
SELECT c.id FROM campaigns.campaign AS c
WHERE c.town_id = %(town_id)s AND c.id = %(campaign)s
FOR NO KEY UPDATE;
