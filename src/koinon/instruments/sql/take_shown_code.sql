-- Say which till took a code, and when.
--
-- town_id integer, digest bytea, place text, at timestamptz
UPDATE instruments.shown_code AS s SET place = %(place)s, taken_at = %(at)s
WHERE s.town_id = %(town_id)s AND s.digest = %(digest)s;
