-- Which activities give things to be used again.
--
-- town_id  integer
SELECT r.activity FROM impact.reuse AS r WHERE r.town_id = %(town_id)s ORDER BY r.activity;
