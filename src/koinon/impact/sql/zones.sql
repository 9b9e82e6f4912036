-- The zones of a town.
--
-- town_id  integer
SELECT z.code, z.name FROM parties_zone AS z WHERE z.town_id = %(town_id)s ORDER BY z.code;
