-- The kept lots of a town, which may be many megabytes. Locks nothing.
--
-- town_id     integer
-- convention  text
SELECT f.state FROM impact.followed AS f WHERE f.town_id = %(town_id)s AND f.convention = %(convention)s;
