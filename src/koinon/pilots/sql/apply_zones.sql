-- The neighbourhoods of a town; the outline is empty where none is known.
--
-- town_id integer
SELECT code, name, coalesce(outline::text, '') AS outline FROM parties_zone WHERE town_id = %(town_id)s;
