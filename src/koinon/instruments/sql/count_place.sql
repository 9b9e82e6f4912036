-- Set the counter of a place.
--
-- town_id integer, place text, began_at timestamptz, wrong integer
UPDATE instruments.place AS p SET began_at = %(began_at)s, wrong = %(wrong)s
WHERE p.town_id = %(town_id)s AND p.place = %(place)s;
