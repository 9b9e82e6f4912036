-- Note that a till reached the town.
--
-- town_id integer, device uuid, at timestamptz
UPDATE offline.device SET synced_at = greatest(synced_at, %(at)s)
WHERE town_id = %(town_id)s AND id = %(device)s;
