-- Set how much a day and until when.
--
-- town_id integer, authorisation uuid, per_day_minor bigint, last_day date
UPDATE instruments.authorisation AS a
SET per_day_minor = %(per_day_minor)s, last_day = %(last_day)s
WHERE a.town_id = %(town_id)s AND a.id = %(authorisation)s;
