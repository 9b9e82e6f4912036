-- What a statement says in a language on a day, in the town's own words; no row where it has none.
--
-- town_id integer, kind text, language text, day date
SELECT body
FROM accounting.wording
WHERE town_id = %(town_id)s AND kind = %(kind)s AND language = %(language)s AND from_day <= %(day)s
ORDER BY from_day DESC
LIMIT 1;
