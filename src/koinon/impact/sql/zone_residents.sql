-- How many people live in each neighbourhood of which that was said, from which day on; every row there is.
--
-- town_id  integer
SELECT r.zone, r.residents, r.from_day, r.source
FROM impact.zone_residents AS r
WHERE r.town_id = %(town_id)s
ORDER BY r.zone, r.from_day;
