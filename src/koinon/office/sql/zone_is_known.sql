-- Whether a town has a neighbourhood of this code.
--
-- town_id integer, zone text
SELECT EXISTS (SELECT FROM parties_zone WHERE town_id = %(town_id)s AND code = %(zone)s);
