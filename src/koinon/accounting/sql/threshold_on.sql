-- The threshold of a town's country on a day, if the law has one.
--
-- country text, day date
SELECT act, article, from_day, amount_minor, currency, months, source
FROM accounting.threshold
WHERE country = %(country)s AND from_day <= %(day)s AND (until_day IS NULL OR until_day >= %(day)s)
ORDER BY from_day DESC
LIMIT 1;
