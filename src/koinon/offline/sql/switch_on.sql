-- Switch a shop on, unless it is. The row count is 1 when it was off.
--
-- town_id integer, party uuid, at timestamptz, actor text
INSERT INTO offline.shop (town_id, party, since, set_by)
VALUES (%(town_id)s, %(party)s, %(at)s, %(actor)s)
ON CONFLICT (town_id, party) WHERE ended_at IS NULL DO NOTHING;
