-- How many answers went to somebody since two instants.
--
-- town_id integer, party uuid, hour timestamptz, day timestamptz
--
-- One row (within_an_hour bigint, within_a_day bigint). Locks nothing.
SELECT count(*) FILTER (WHERE t.at > %(hour)s) AS within_an_hour, count(*) AS within_a_day
FROM helpdesk.text AS t
WHERE t.town_id = %(town_id)s AND t.party = %(party)s AND t.at > %(day)s AND t.answered;
