-- Switch a shop off. The row count is 1 when it was on.
--
-- town_id integer, party uuid, at timestamptz, actor text
UPDATE offline.shop SET ended_at = %(at)s, ended_by = %(actor)s
WHERE town_id = %(town_id)s AND party = %(party)s AND ended_at IS NULL;
