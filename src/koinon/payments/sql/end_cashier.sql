-- Somebody works at a shop's tills no more.
--
-- town_id integer, id uuid, at timestamptz, actor text
UPDATE payments.cashier AS c SET ended_at = %(at)s, ended_by = %(actor)s
WHERE c.town_id = %(town_id)s AND c.id = %(id)s AND c.ended_at IS NULL;
