-- The terms of small purchases without a PIN that hold on a local day.
--
-- town_id integer, day date
--
-- At most one row: the latest that began on or before the day. No lock.
SELECT t.from_day, t.most_minor, t.per_day_minor
FROM instruments.small_terms AS t
WHERE t.town_id = %(town_id)s AND t.from_day <= %(day)s
ORDER BY t.from_day DESC
LIMIT 1;
