-- Lock a town, so that two who change who its officers are take turns.
--
-- town_id  integer
SELECT id FROM parties_town
WHERE id = %(town_id)s
FOR UPDATE;
