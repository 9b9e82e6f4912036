-- Up to which day a demonstration has lived in a town; NULL where none has. Locks nothing.
--
-- town_id integer
SELECT town.demonstrated_until FROM parties_town AS town WHERE town.id = %(town_id)s;
