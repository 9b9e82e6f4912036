-- Take the number of a request that has been over for a day, so that another one may have it.
--
-- town_id integer, number text, before timestamptz
UPDATE payments.request AS r SET number = NULL
WHERE r.town_id = %(town_id)s AND r.number = %(number)s AND r.expires_at < %(before)s;
