-- Withdraw a till. The row count is 1 when it worked until now.
--
-- town_id integer, device uuid, at timestamptz, actor text
UPDATE offline.device SET revoked_at = %(at)s, revoked_by = %(actor)s
WHERE town_id = %(town_id)s AND id = %(device)s AND revoked_at IS NULL;
