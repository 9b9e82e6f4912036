-- The terms of small purchases that were announced and do not hold yet, the next ones first.
--
-- town_id integer, day date
SELECT t.from_day, t.most_minor, t.per_day_minor
FROM instruments.small_terms AS t
WHERE t.town_id = %(town_id)s AND t.from_day > %(day)s
ORDER BY t.from_day;
