-- Say that a town is a demonstration, and up to which day it has lived.
--
-- town_id integer, day date
UPDATE parties_town
SET demonstrated_until = greatest(demonstrated_until, %(day)s::date)
WHERE id = %(town_id)s;
