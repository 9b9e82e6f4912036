-- Count what a programme grants, or with a negative number takes back. Its row is locked already.
--
-- town_id integer, programme_id uuid, minor bigint
UPDATE coproduction.purse_strings SET granted_minor = granted_minor + %(minor)s
WHERE town_id = %(town_id)s AND programme_id = %(programme_id)s;
