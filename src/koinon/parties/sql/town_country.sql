-- The country of a town.
--
-- town_id  integer
SELECT country FROM parties_town WHERE id = %(town_id)s;
