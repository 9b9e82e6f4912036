-- The terms with which a cycle was prepared, as JSON text.
--
-- town_id integer, cycle_id uuid
SELECT cycle.terms::text
FROM programmes_cycle AS cycle
INNER JOIN programmes_programme AS programme ON programme.id = cycle.programme_id
WHERE programme.town_id = %(town_id)s AND cycle.id = %(cycle_id)s;
