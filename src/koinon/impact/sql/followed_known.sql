-- What the numbers in the kept lots of a town mean, and where in its books they lie. Locks nothing.
--
-- town_id     integer
-- convention  text
SELECT f.known FROM impact.followed AS f WHERE f.town_id = %(town_id)s AND f.convention = %(convention)s;
