-- What a kilogram of each stream spares the climate, from which day on; every row there is.
--
-- town_id  integer
SELECT f.stream, f.from_day, f.grams_per_kilogram, f.source
FROM impact.conversion_factor AS f
WHERE f.town_id = %(town_id)s
ORDER BY f.stream, f.from_day;
