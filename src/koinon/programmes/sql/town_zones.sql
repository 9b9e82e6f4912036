-- The neighbourhoods of a town, by name.
--
-- town_id integer
SELECT zone.code, zone.name FROM parties_zone AS zone WHERE zone.town_id = %(town_id)s ORDER BY zone.name;
