-- What a town wants to reach; every target there is, those that are over included.
--
-- town_id  integer
SELECT t.indicator, t.part, t.from_day, t.by_day, t.value, t.source
FROM impact.target AS t
WHERE t.town_id = %(town_id)s
ORDER BY t.indicator, t.part, t.by_day;
