-- The accounts of the town's accounting that differ from the defaults.
--
-- town_id integer
SELECT place, number, name FROM accounting.chart WHERE town_id = %(town_id)s ORDER BY place;
