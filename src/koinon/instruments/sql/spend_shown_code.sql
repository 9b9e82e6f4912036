-- Say which payment a code made.
--
-- town_id integer, digest bytea, payment uuid
UPDATE instruments.shown_code AS s SET payment = %(payment)s
WHERE s.town_id = %(town_id)s AND s.digest = %(digest)s;
