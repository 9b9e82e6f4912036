-- Change a time bank's name, and the limits that new members get.
--
-- town_id integer, id uuid, name text, credit_limit integer, most integer
UPDATE coproduction.time_bank SET name = %(name)s, credit_limit = %(credit_limit)s, most = %(most)s
WHERE town_id = %(town_id)s AND id = %(id)s AND (name, credit_limit, most) <> (%(name)s, %(credit_limit)s, %(most)s);
