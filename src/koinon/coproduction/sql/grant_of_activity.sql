-- Count what an activity grants, or with a negative number takes back. Its row is locked already.
--
-- town_id integer, activity_id uuid, minor bigint
UPDATE coproduction.activity SET granted_minor = granted_minor + %(minor)s
WHERE town_id = %(town_id)s AND id = %(activity_id)s;
