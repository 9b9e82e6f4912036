-- Let awards end on a day, inclusive.
--
-- ids uuid[], last_day date
UPDATE programmes_award SET to_day = %(last_day)s WHERE id = ANY(%(ids)s::uuid[]);
