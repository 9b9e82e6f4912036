-- Lock a party's purses, lowest id first, before what else is posted to.
--
-- town_id integer
-- party   uuid
--
-- How many there are. The function is in 0001_campaigns.sql: the application locks no account by itself.
SELECT campaigns.lock_purses(%(town_id)s::integer, %(party)s::uuid);
