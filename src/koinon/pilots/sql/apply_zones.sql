-- The neighbourhoods of a town.
--
-- town_id integer
SELECT code, name FROM parties_zone WHERE town_id = %(town_id)s;
