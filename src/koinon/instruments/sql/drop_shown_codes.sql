-- Drop the codes of a phone that no till has taken: only the newest is good.
--
-- town_id integer, phone uuid
DELETE FROM instruments.shown_code AS s
WHERE s.town_id = %(town_id)s AND s.instrument = %(phone)s AND s.place IS NULL;
