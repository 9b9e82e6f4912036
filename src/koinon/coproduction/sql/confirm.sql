-- The first of two says yes.
--
-- town_id integer, id uuid, actor text, at timestamptz
UPDATE coproduction.contribution SET state = 'confirmed', confirmed_by = %(actor)s, confirmed_at = %(at)s
WHERE town_id = %(town_id)s AND id = %(id)s AND state = 'registered';
