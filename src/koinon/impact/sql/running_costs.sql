-- What activities cost beside their rewards; every row there is.
--
-- town_id  integer
SELECT c.activity, c.from_day, c.until_day, c.amount_minor, c.source
FROM impact.running_cost AS c
WHERE c.town_id = %(town_id)s
ORDER BY c.activity, c.from_day, c.source;
