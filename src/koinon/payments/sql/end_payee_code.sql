-- End the code of a payee that is in force.
--
-- town_id integer, payee uuid, at timestamptz, actor text
UPDATE payments.payee_code AS c SET ended_at = %(at)s, ended_by = %(actor)s
WHERE c.town_id = %(town_id)s AND c.payee = %(payee)s AND c.ended_at IS NULL;
