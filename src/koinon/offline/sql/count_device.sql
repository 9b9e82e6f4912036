-- Number one till more; its number.
--
-- town_id integer
UPDATE offline.tally SET devices = devices + 1 WHERE town_id = %(town_id)s RETURNING devices;
